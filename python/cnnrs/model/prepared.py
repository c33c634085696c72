"""Weights made ready for prediction once, and anew when they were edited in place.

A batch normalisation is folded into the layer in front of it, and fast convolution transforms its
weights; both are worked out before a prediction and kept. Weights can be edited in place at any
time, so what was kept must be known to be current, at a price that does not grow with the weights
(reading those of a large network takes longer than a prediction). Three facts give that, exactly:

- A parameter gets a new stamp whenever its values are asked for (`Parameter.stamp`). Whoever writes has asked.
- Whoever keeps a view holds a reference to it, which is counted too (`Parameter.is_held`); also a view of the view, or a tensor of
  another library on the same memory. Only then may values change without being asked for: a copy is
  kept and compared bit by bit.
- Nobody else can write, but for raw addresses that outlive their array.

So where no view is held and none was asked for, nothing can have changed. The check costs well
under a microsecond a parameter.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from cnnrs import ops
from cnnrs.layers import Conv2D, Layer
from cnnrs.layers.base import Parameter
from cnnrs.layers.node import Shape

__all__ = ["PreparedWeights", "algorithm", "sliding", "transforms"]

# Output positions of a batch: above, transforming the weights on each call is a few per cent of the
# work, and not worth the memory.
MOST_POSITIONS = 4096


class _Record(NamedTuple):
    """What was made of some parameters, and how to tell that it is still right."""

    stamps: tuple[Any, ...]
    held: bool
    copies: list[Any]  # of the parameters, if somebody holds a view of them
    weight: Any
    bias: Any  # None where it is the parameter itself


class PreparedWeights:
    """The prepared weights of one model, by layer, the layer folded in, and input shape if they are
    transformed.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[Layer, Layer | None, Shape], _Record] = {}

    def hook(
        self, layer: Layer, folded: Layer | None, input_shape: Shape, transform: bool
    ) -> Callable[[], tuple[Any, Any]] | None:
        """What the layer calls in prediction for its weight and bias; None where it takes them as
        they are.

        Parameters
        ----------
        layer : Layer
        folded : Layer or None
            The affine layer that is folded in.
        input_shape : tuple of int
            Of one sample.
        transform : bool
            Whether to transform the weights as a fast convolution does; see `transforms`.
        """
        if folded is None and not transform:
            return None
        parameters = [
            *layer.parameters.values(),
            *(folded.parameters.values() if folded is not None else ()),
        ]
        key = layer, folded, input_shape if transform else ()
        own_bias = layer.parameters.get("bias") if folded is None else None

        def make() -> tuple[Any, Any]:
            weight, bias = layer.parameters["weight"].peek(), None
            if folded is not None:
                weight, bias = layer.fold(*folded.scale_and_shift())
            return _transformed(layer, weight, input_shape) if transform else weight, bias

        def weights() -> tuple[Any, Any]:
            record = self._kept.get(key)
            stamps = _stamps(parameters)
            if record is None or record.held or record.stamps != stamps:
                # a record is replaced as a whole: another thread sees the old one, which is not
                # current, or the new one
                same = (
                    record is not None
                    and record.held
                    and all(map(_same_bits, record.copies, parameters))
                )
                record = self._kept[key] = (
                    _renewed(record, stamps, parameters)
                    if same and record
                    else _made(make, stamps, parameters)
                )
            return record.weight, record.bias if own_bias is None else own_bias.peek()

        return weights

    def clear(self) -> None:
        """Forget everything."""
        self._kept.clear()

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        arrays = (
            array
            for record in self._kept.values()
            for array in (*record.copies, record.weight, record.bias)
        )
        return sum(array.nbytes for array in arrays if array is not None)


def transforms(layer: Layer, input_shape: Shape, output_shape: Shape, count: int) -> bool:
    """Whether a prediction with so many samples should use weights transformed once."""
    if not isinstance(layer, Conv2D) or count == 0:
        return False
    if count * math.prod(output_shape[:2]) <= MOST_POSITIONS:
        return True
    # prepared for the sake of a sample alone, in another way than a plain call would choose: then
    # in any batch, for the same bits
    return algorithm(layer, input_shape, "prediction") != algorithm(layer, input_shape, "forward")


def algorithm(layer: Conv2D, input_shape: Shape, direction: str) -> str:
    """The algorithm of a convolution, from the geometry of one sample: it must not depend on the
    batch.
    """
    return ops.conv2d_algorithm(
        (1, *input_shape), layer.parameters["weight"].shape, **sliding(layer), direction=direction
    )


def sliding(layer: Layer) -> dict[str, Any]:
    """How the window of a convolution moves, as `cnnrs.ops` takes it."""
    assert isinstance(layer, Conv2D)
    return {
        "stride": layer.stride,
        "padding": layer.padding,
        "dilation": layer.dilation,
        "groups": layer.groups,
    }


def _transformed(layer: Layer, weight: Any, input_shape: Shape) -> Any:
    assert isinstance(layer, Conv2D)
    chosen = algorithm(layer, input_shape, "prediction") if weight.dtype == np.float32 else None
    return ops.prepare_conv2d_weight(weight, (1, *input_shape), **sliding(layer), algorithm=chosen)


def _stamps(parameters: list[Parameter]) -> tuple[Any, ...]:
    """Changes when somebody asked for the values of one of the parameters, or for all values of
    their arena.
    """
    storage: Any = parameters[0].storage
    return storage, storage.stamp, *[parameter.stamp for parameter in parameters]


def _held(parameters: list[Parameter]) -> bool:
    storage: Any = parameters[0].storage
    return storage.is_held() or any(parameter.is_held() for parameter in parameters)


def _made(
    make: Callable[[], tuple[Any, Any]], stamps: tuple[Any, ...], parameters: list[Parameter]
) -> _Record:
    for parameter in parameters:
        parameter.peek()  # its view exists from here on
    held = _held(parameters)
    copies = [parameter.peek().copy() for parameter in parameters] if held else []
    return _Record(stamps, held, copies, *make())


def _renewed(record: _Record, stamps: tuple[Any, ...], parameters: list[Parameter]) -> _Record:
    held = _held(parameters)
    return record._replace(stamps=stamps, held=held, copies=record.copies if held else [])


def _same_bits(copy: Any, parameter: Parameter) -> bool:
    """Whether a copy and the values are equal bit for bit: NaN equals itself, and -0 is not 0."""
    kind = np.uint32 if copy.dtype.itemsize == 4 else np.uint64
    return bool(np.array_equal(copy.view(kind), parameter.peek().view(kind)))
