"""`Sequential`: a model that is a chain of layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import DTypeLike

from cnnrs import _renamed
from cnnrs.errors import ArgumentError, DTypeError
from cnnrs.layers import Input, Layer
from cnnrs.layers.node import Node
from cnnrs.model.model import Model

__all__ = ["Sequential"]


class Sequential(Model):
    """A chain of layers: the short form of a `Model`.

    Parameters
    ----------
    input_shape : int or sequence of int
        Shape of one sample: ``(height, width, channels)`` or ``(features,)``.
    layers : sequence of Layer or Model
        At least one. The shape may also come first in this list, as in Keras:
        ``Sequential([Input((28, 28, 1)), Flatten(), Dense(10)])``.
    seed, dtype, class_names, name
        As for `Model`.

    Raises
    ------
    ShapeError
        If a layer does not fit its input; the message shows the shapes up to there.

    Examples
    --------
    >>> import cnnrs
    >>> from cnnrs.layers import Conv2D, Dense, Flatten, MaxPool2D, ReLU
    >>> layers = [Conv2D(32, 5, padding="same"), ReLU(), MaxPool2D(2), Flatten(), Dense(10)]
    >>> model = cnnrs.Sequential((28, 28, 1), layers, seed=0)
    >>> model.num_parameters
    63562
    >>> try:
    ...     cnnrs.Sequential((28, 28, 1), [Conv2D(32, 5), Dense(10)])
    ... except cnnrs.errors.ShapeError as error:
    ...     print(str(error).partition(";")[0])
    input 28x28x1 -> conv2d_1 24x24x32 -> dense_1: Dense needs a vector of features, got 24x24x32
    """

    _file_kind = "Sequential"

    @_renamed.keywords()
    def __init__(
        self,
        input_shape: int | Sequence[int] | Sequence[Node | Layer | Model],
        layers: Sequence[Layer | Model] | None = None,
        *,
        seed: int = 0,
        dtype: DTypeLike = "float32",
        class_names: Sequence[str] | None = None,
        name: str | None = None,
    ) -> None:
        first, items = _input_and_layers(input_shape, layers)
        node = first
        if not items:
            raise ArgumentError("layers: expected at least one layer")
        for position, item in enumerate(items):
            if not isinstance(item, (Layer, Model)):
                hint = f"; write {item.__name__}()" if isinstance(item, type) else ""
                raise DTypeError(
                    f"layers: expected layers, got {item!r} at position {position}{hint}"
                )
            following = item(node)
            if not isinstance(following, Node):
                raise ArgumentError(
                    f"layers: the model at position {position} has several outputs; use "
                    "cnnrs.Model to join them"
                )
            node = following
        super().__init__(first, node, seed=seed, dtype=dtype, class_names=class_names, name=name)


def _input_and_layers(input_shape: Any, layers: Any) -> tuple[Node, list[Any]]:
    """Return the input node and the layers, from both spellings of the arguments."""
    if layers is not None:
        return Input(input_shape), list(layers)
    items = list(input_shape) if isinstance(input_shape, (list, tuple)) else [input_shape]
    if items and isinstance(items[0], Node) and items[0].layer is None:
        return items[0], items[1:]
    if any(isinstance(item, (Layer, Model, type)) for item in items):
        raise DTypeError(
            "Sequential: the shape of one sample is missing; write "
            "Sequential((height, width, channels), [...]), or "
            "Sequential([Input((height, width, channels)), ...])"
        )
    raise DTypeError(
        f"Sequential: the layers are missing; write Sequential({input_shape!r}, [...])"
    )
