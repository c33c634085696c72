"""Values derived from parameters, kept from one prediction to the next until a parameter changes.

In prediction, layers fold batch normalisation into weights and transform weights for fast
convolution (`Context.derived`). The results are kept. Weights can be edited in place at any time,
so a kept result must be known to be current, at a cost that does not grow with the weights: reading
the weights of a large network takes longer than a prediction. Three facts ensure it exactly:

- A parameter gets a new stamp whenever its writable values are accessed (`Parameter.value`).
- Whoever keeps such an array holds a reference to it, which is counted (`Parameter.is_held`). This
  includes views of the array, and tensors of other libraries on the same memory. Only then can
  values change without a new stamp: they are copied, and compared bit by bit.
- Nobody else can write, except through raw addresses that outlive their array.

So if no array is held and none was accessed, nothing can have changed. The check takes well under a
microsecond for each parameter.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, NamedTuple

import numpy as np

from cnnrs.layers import Layer
from cnnrs.layers.parameter import Parameter

__all__ = ["PreparedWeights"]


class _Record(NamedTuple):
    """A derived value, and how to tell that it is still current."""

    stamps: tuple[Any, ...]
    held: bool
    copies: list[Any]  # of the parameters, if somebody holds their arrays
    value: Any

    @property
    def nbytes(self) -> int:
        arrays = self.value if isinstance(self.value, tuple) else (self.value,)
        return sum(getattr(array, "nbytes", 0) for array in (*self.copies, *arrays))


class PreparedWeights:
    """The derived values of one model, by layer and by the key that the layer chose."""

    def __init__(self) -> None:
        self._kept: dict[tuple[Layer, Hashable], _Record] = {}

    def keeper(self, layer: Layer) -> Callable[[Hashable, Callable[[], Any]], Any]:
        """Return a function ``(key, make)`` that returns ``make()``, or its kept result."""
        parameters = list(layer.parameters.values())

        def kept(key: Hashable, make: Callable[[], Any]) -> Any:
            place = layer, key
            record = self._kept.get(place)
            stamps = _stamps(parameters)
            if record is None or record.held or record.stamps != stamps:
                # A record is replaced as a whole: another thread sees the old record, which is not
                # current, or the new one.
                if record is not None and record.held and _same(record, parameters):
                    record = _renewed(record, stamps, parameters)
                else:
                    record = _made(make, stamps, parameters)
                self._kept[place] = record
            return record.value

        return kept

    def clear(self) -> None:
        """Forget all values."""
        self._kept.clear()

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(record.nbytes for record in self._kept.values())


def _stamps(parameters: list[Parameter]) -> tuple[Any, ...]:
    """Return stamps that change when writable values of a parameter or its arena are accessed."""
    storage: Any = parameters[0].storage
    return storage, storage.stamp, *[parameter.stamp for parameter in parameters]


def _held(parameters: list[Parameter]) -> bool:
    storage: Any = parameters[0].storage
    return storage.is_held() or any(parameter.is_held() for parameter in parameters)


def _made(make: Callable[[], Any], stamps: tuple[Any, ...], parameters: list[Parameter]) -> _Record:
    for parameter in parameters:
        parameter.read()  # its arrays exist from here on
    held = _held(parameters)
    copies = [parameter.read().copy() for parameter in parameters] if held else []
    return _Record(stamps, held, copies, make())


def _renewed(record: _Record, stamps: tuple[Any, ...], parameters: list[Parameter]) -> _Record:
    held = _held(parameters)
    return record._replace(stamps=stamps, held=held, copies=record.copies if held else [])


def _same(record: _Record, parameters: list[Parameter]) -> bool:
    return all(map(_same_bits, record.copies, parameters))


def _same_bits(copy: Any, parameter: Parameter) -> bool:
    """Return whether a copy and the values are equal in every bit: NaN equals NaN, -0 is not 0."""
    kind = np.uint32 if copy.dtype.itemsize == 4 else np.uint64
    return bool(np.array_equal(copy.view(kind), parameter.read().view(kind)))
