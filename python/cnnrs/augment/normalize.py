"""The end of a pipeline: from bytes to the floats that training takes."""

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
    """Bytes from 0 to 255 become floats from 0 to 1; floats stay as they are.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import augment
    >>> augment.ToFloat()(np.array([[[[0], [255]]]], np.uint8)).ravel().tolist()
    [0.0, 1.0]
    """

    def lower(self, program: Program) -> None:
        """A division by 255, if these are bytes."""
        if not program.floating:
            program.scale(np.array([1 / BRIGHTEST_BYTE]), np.zeros(1))


class Normalize(Transform):
    """``(x - mean) / std`` for each channel; bytes are divided by 255 first, so `mean` and `std`
    are shares of the brightest.

    Parameters
    ----------
    mean, std : float or one for each channel
        In the units of floats from 0 to 1.

    Raises
    ------
    ArgumentError
        For a deviation that is not above 0.

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
        """One factor and one summand for each channel."""
        unit = 1.0 if program.floating else BRIGHTEST_BYTE
        program.scale(1 / (self.std * unit), -self.mean / self.std)

    def arguments(self) -> dict[str, Any]:
        """Mean and deviation as lists."""
        return {"mean": self.mean.tolist(), "std": self.std.tolist()}


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
