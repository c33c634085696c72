"""Preprocessing as the first layers of a model, saved with it: the model then takes plain images,
also of dtype uint8.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from cnnrs import _arguments, _renamed
from cnnrs.errors import ArgumentError, DTypeError, ShapeError
from cnnrs.layers import spellings
from cnnrs.layers.base import Layer
from cnnrs.layers.context import Context
from cnnrs.layers.facts import Memory
from cnnrs.layers.node import Shape

__all__ = ["Normalize", "Rescale"]


class _Affine(Layer):
    """Base class of ``x · factor + summand`` with fixed numbers."""

    memory = Memory(saves_input=False, saves_output=False, in_place=True)

    def build(self, input_shape: Shape) -> Shape:  # type: ignore[override]
        """Return the same shape."""
        return input_shape

    def _coefficients(self, dtype: Any) -> tuple[Any, Any]:
        """Return factor and summand, each one number or one for each channel."""
        raise NotImplementedError

    def forward(self, ctx: Context, x: Any) -> Any:
        """Compute ``x · factor + summand``."""
        factor, summand = self._coefficients(ctx.dtype)
        y = np.multiply(x, factor, out=ctx.out())
        y += summand
        return y

    def backward(self, ctx: Context, grad_output: Any) -> Any:
        """Multiply the gradient by the factor."""
        return np.multiply(grad_output, self._coefficients(ctx.dtype)[0], out=ctx.out())


@_renamed.keywords(spellings.ARGUMENTS)
class Rescale(_Affine):
    """Map pixel values to another range: ``x · scale + offset``.

    Parameters
    ----------
    scale : float
        By default 1/255, which maps 0..255 to 0..1.
    offset : float
    name : str, optional

    Examples
    --------
    >>> import numpy as np
    >>> import cnnrs
    >>> model = cnnrs.Sequential((1, 2, 1), [Rescale()])
    >>> model(np.array([[[[0], [255]]]], dtype=np.uint8)).ravel().tolist()
    [0.0, 1.0]
    """

    def __init__(
        self, scale: float = 1 / 255, offset: float = 0.0, *, name: str | None = None
    ) -> None:
        super().__init__(name=name)
        self.scale = _arguments.number("scale", scale)
        self.offset = _arguments.number("offset", offset)

    def _coefficients(self, dtype: Any) -> tuple[Any, Any]:
        """Return scale and offset."""
        return dtype.type(self.scale), dtype.type(self.offset)


@_renamed.keywords(spellings.ARGUMENTS)
class Normalize(_Affine):
    """Subtract a mean and divide by a standard deviation: ``(x - mean) / std``.

    Parameters
    ----------
    mean, std : float or sequence of float, one per channel
        In the units of the input; `std` is above 0.
    name : str, optional

    Raises
    ------
    ArgumentError
        For a standard deviation that is not above 0.

    Examples
    --------
    >>> import cnnrs
    >>> cnnrs.Sequential((2,), [Normalize([1.0, 2.0], [1.0, 4.0])])([[3.0, 2.0]]).tolist()
    [[2.0, 0.0]]
    """

    def __init__(self, mean: ArrayLike, std: ArrayLike, *, name: str | None = None) -> None:
        super().__init__(name=name)
        self.mean = _channel_values("mean", mean)
        self.std = _channel_values("std", std)
        if (self.std <= 0).any():
            raise ArgumentError(f"std: expected values above 0, got {self.std.tolist()}")

    def build(self, input_shape: Shape) -> Shape:  # type: ignore[override]
        """Return the same shape; check that there is one value for each channel."""
        for name, values in (("mean", self.mean), ("std", self.std)):
            if values.ndim == 1 and len(values) not in (1, input_shape[-1]):
                raise ShapeError(
                    f"{name}: {len(values)} values for an input of {input_shape[-1]} channels"
                )
        return input_shape

    def _coefficients(self, dtype: Any) -> tuple[Any, Any]:
        """Return ``1 / std`` and ``-mean / std``."""
        return (1 / self.std).astype(dtype), (-self.mean / self.std).astype(dtype)


def _channel_values(name: str, values: ArrayLike) -> Any:
    given = _arguments.as_array(name, values)
    if given.dtype.kind not in "fiub":
        raise DTypeError(f"{name}: expected real numbers, got dtype {given.dtype}")
    array = given.astype(np.float64)
    if array.ndim > 1 or array.size == 0:
        raise ShapeError(f"{name}: expected a number or one per channel, got shape {array.shape}")
    if not np.isfinite(array).all():
        raise ArgumentError(f"{name}: expected finite numbers, got {array.tolist()}")
    return array
