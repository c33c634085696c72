"""Change colours: greyscale, jitter, and shifts along the principal axes of natural images."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnrs import _arguments
from cnnrs.augment.program import Program, check_range
from cnnrs.augment.transform import Transform, probability
from cnnrs.errors import ArgumentError, ShapeError

__all__ = ["ColorJitter", "Grayscale", "PCAColor", "RandomGrayscale"]

# The 24 orders of brightness, contrast, saturation and hue: the place of each of the four.
ORDERS = np.array(
    [np.argsort(order) for order in itertools.permutations(range(4))], dtype=np.float64
)
# Main axes of the colours of ImageNet (values from 0 to 1), and their deviations: Krizhevsky et al.
# 2012, as published by Facebook.
EIGENVALUES = (0.2175, 0.0188, 0.0045)
EIGENVECTORS = ((-0.5675, 0.7192, 0.4009), (-0.5808, -0.0045, -0.8140), (-0.5836, -0.6948, 0.4203))


def expect_colour(program: Program, name: str) -> None:
    """Refuse images that are neither grey nor RGB.

    Raises
    ------
    ShapeError
        If there are not 1 or 3 channels.
    """
    if program.channels not in (1, 3):
        raise ShapeError(f"images: {name} needs 1 or 3 channels, got {program.channels}")


class Grayscale(Transform):
    """Convert images to grey with the weights 0.2989, 0.587 and 0.114.

    Parameters
    ----------
    num_output_channels : {1, 3}
        3 repeats the grey value, so that the shape stays the same.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import augment
    >>> augment.Grayscale()(np.array([[[[100, 0, 0]]]], np.uint8)).tolist()
    [[[[30]]]]
    """

    def __init__(self, num_output_channels: int = 1) -> None:
        if num_output_channels not in (1, 3):
            raise ArgumentError(
                f"num_output_channels: expected 1 or 3, got {num_output_channels!r}"
            )
        self.num_output_channels = num_output_channels

    def lower(self, program: Program) -> None:
        """Add the conversion for all samples."""
        expect_colour(program, "Grayscale")
        if program.channels == 1 and self.num_output_channels == 3:
            raise ShapeError("images: Grayscale(3) needs 3 channels, got 1")
        if program.partial and self.num_output_channels != program.channels:
            raise ArgumentError(
                "num_output_channels: all images of a batch must have the same number of "
                "channels; use 3 within RandomApply and OneOf"
            )
        program.add("grey", (), (self.num_output_channels,))
        program.channels = self.num_output_channels


class RandomGrayscale(Transform):
    """Convert images to grey with probability `p` and keep the number of channels.

    Parameters
    ----------
    p : float from 0 to 1

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import augment
    >>> augment.RandomGrayscale(1.0)(np.array([[[[100, 0, 0]]]], np.uint8)).ravel().tolist()
    [30, 30, 30]
    """

    def __init__(self, p: float = 0.1) -> None:
        self.p = probability("p", p)

    def lower(self, program: Program) -> None:
        """Add the conversion for some samples."""
        expect_colour(program, "RandomGrayscale")
        program.add("grey", (), (program.channels,), apply=program.draw(1)[:, 0] < self.p)


class ColorJitter(Transform):
    """Change brightness, contrast, saturation and hue at random, in random order.

    Parameters
    ----------
    brightness, contrast, saturation : float or pair (low, high)
        Range of the factor. A number means ``(max(0, 1 - value), 1 + value)``.
    hue : float up to 0.5 or pair (low, high)
        Range of the shift, as a fraction of the colour circle. A number means ``(-hue, hue)``.

    Notes
    -----
    Values are clipped to the range of the image after each change. Saturation and hue do not
    affect images of one channel.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import augment
    >>> brighter = augment.ColorJitter(brightness=(1.5, 1.5))
    >>> brighter(np.array([[[[100, 20, 200]]]], np.uint8)).ravel().tolist()
    [150, 30, 255]
    """

    def __init__(
        self, brightness: Any = 0.0, contrast: Any = 0.0, *, saturation: Any = 0.0, hue: Any = 0.0
    ) -> None:
        self.brightness = _factors("brightness", brightness)
        self.contrast = _factors("contrast", contrast)
        self.saturation = _factors("saturation", saturation)
        if _arguments.is_sequence(hue):
            self.hue = check_range("hue", hue, -0.5, 0.5)
        else:
            limit = _arguments.number("hue", hue, 0.0, 0.5)
            self.hue = (-limit, limit)

    def lower(self, program: Program) -> None:
        """Draw an order, three factors and a hue shift for each sample."""
        expect_colour(program, "ColorJitter")
        numbers = program.draw(5)
        order = ORDERS[(numbers[:, 0] * len(ORDERS)).astype(np.int64)]
        ranges = (self.brightness, self.contrast, self.saturation, self.hue)
        amounts = [
            low if low == high else low + numbers[:, 1 + i] * (high - low)
            for i, (low, high) in enumerate(ranges)
        ]
        program.add("color_jitter", (*order.T, *amounts))


def _factors(name: str, value: Any) -> tuple[float, float]:
    if _arguments.is_sequence(value):
        return check_range(name, value, 0.0)
    spread = _arguments.number(name, value, 0.0)
    return max(0.0, 1.0 - spread), 1.0 + spread


class PCAColor(Transform):
    """Shift the colour of each image along the principal axes of natural colours, as in AlexNet.

    Parameters
    ----------
    sigma : float
        Standard deviation of the shift, in units of the spread along each axis.
    eigenvalues : array_like of shape (3,)
        Spread along each axis, for values from 0 to 1. Default: the values of ImageNet.
    eigenvectors : array_like of shape (3, 3)
        The axes as columns.

    References
    ----------
    A. Krizhevsky, I. Sutskever & G. Hinton, "ImageNet classification with deep convolutional neural
    networks", NIPS 2012, section 4.1.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import augment
    >>> x = np.full((1, 2, 2, 3), 128, np.uint8)
    >>> y = augment.PCAColor(0.1)(x)  # one shift for the whole image
    >>> np.unique(y.reshape(-1, 3), axis=0).shape
    (1, 3)
    """

    def __init__(
        self,
        sigma: float = 0.1,
        *,
        eigenvalues: ArrayLike = EIGENVALUES,
        eigenvectors: ArrayLike = EIGENVECTORS,
    ) -> None:
        self.sigma = _arguments.number("sigma", sigma, 0.0)
        self.eigenvalues = np.asarray(eigenvalues, dtype=np.float64).tolist()
        self.eigenvectors = np.asarray(eigenvectors, dtype=np.float64).tolist()
        self._axes = np.array(self.eigenvectors) * np.array(self.eigenvalues)
        if self._axes.shape != (3, 3) or not np.isfinite(self._axes).all():
            raise ShapeError(
                "eigenvectors: expected finite numbers of shape (3, 3), and eigenvalues (3,)"
            )

    def lower(self, program: Program) -> None:
        """Draw three shifts for each sample."""
        if program.channels != 3:
            raise ShapeError(f"images: PCAColor needs 3 channels, got {program.channels}")
        shift = (normal(program.draw(4))[:, :3] * self.sigma) @ self._axes.T
        program.add("add", tuple(shift.T))


def normal(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convert an even number of uniform numbers to the same number of normal ones (Box-Muller)."""
    first, second = np.split(numbers, 2, axis=1)
    radius = np.sqrt(-2 * np.log1p(-first))
    both: NDArray[np.float64] = np.concatenate(
        [radius * np.cos(2 * np.pi * second), radius * np.sin(2 * np.pi * second)], axis=1
    )
    return both
