"""`Sequential`: a model that is a chain of layers."""

from __future__ import annotations

from collections.abc import Sequence

from numpy.typing import DTypeLike

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
        At least one.
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

    file_kind = "Sequential"

    def __init__(
        self,
        input_shape: int | Sequence[int],
        layers: Sequence[Layer | Model],
        *,
        seed: int = 0,
        dtype: DTypeLike = "float32",
        class_names: Sequence[str] | None = None,
        name: str | None = None,
    ) -> None:
        node = first = Input(input_shape)
        items = list(layers)
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
