"""Convert uint8 images to floats and normalise them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnrs import _arguments
from cnnrs.augment.program import Program
from cnnrs.augment.transform import Transform
from cnnrs.errors import ArgumentError, ShapeError

__all__ = ["Normalize", "ToFloat"]

BRIGHTEST_BYTE = 255.0


class ToFloat(Transform):
    """Convert uint8 from 0 to 255 to float32 from 0 to 1. Floats are unchanged.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import augment
    >>> augment.ToFloat()(np.array([[[[0], [255]]]], np.uint8)).ravel().tolist()
    [0.0, 1.0]
    """

    def lower(self, program: Program) -> None:
        """Add a division by 255 for uint8 images."""
        if not program.floating:
            program.scale(np.array([1 / BRIGHTEST_BYTE]), np.zeros(1))


class Normalize(Transform):
    """Compute ``(x - mean) / std`` for each channel.

    uint8 images are divided by 255 first, so that `mean` and `std` refer to values from 0 to 1.

    Parameters
    ----------
    mean, std : float or one for each channel
        Mean and standard deviation, for values from 0 to 1.

    Raises
    ------
    ArgumentError
        If a standard deviation is not above 0.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import augment
    >>> augment.Normalize(0.5, 0.5)(np.array([[[[0], [255]]]], np.uint8)).ravel().tolist()
    [-1.0, 1.0]
    """

    def __init__(self, mean: ArrayLike, std: ArrayLike) -> None:
        self.mean = _values("mean", mean)
        self.std = _values("std", std)
        if (self.std <= 0).any():
            raise ArgumentError(f"std: expected values above 0, got {self.std.tolist()}")

    def lower(self, program: Program) -> None:
        """Add one scale and one offset for each channel."""
        unit = 1.0 if program.floating else BRIGHTEST_BYTE
        program.scale(1 / (self.std * unit), -self.mean / self.std)

    def arguments(self) -> dict[str, Any]:
        """Return mean and standard deviation as numbers, or as lists of one number a channel."""
        return {
            name: value.item() if value.size == 1 else value.tolist()
            for name, value in (("mean", self.mean), ("std", self.std))
        }


def _values(name: str, values: Any) -> NDArray[np.float64]:
    array = np.array(
        [
            _arguments.number(name, value)
            for value in (values if _arguments.is_sequence(values) else (values,))
        ]
    )
    if array.size == 0:
        raise ShapeError(f"{name}: expected a number or one for each channel, got none")
    return array
