"""Colours: grey, jitter, and shifts along the main axes of natural colours."""

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

# The 24 orders of the four adjustments, each written in base four.
ORDERS = np.array(
    [
        sum(part << 2 * place for place, part in enumerate(order))
        for order in itertools.permutations(range(4))
    ],
    dtype=np.float64,
)
# Main axes of the colours of ImageNet (values from 0 to 1), and their deviations: Krizhevsky et al.
# 2012, as published by Facebook.
EIGENVALUES = (0.2175, 0.0188, 0.0045)
EIGENVECTORS = ((-0.5675, 0.7192, 0.4009), (-0.5808, -0.0045, -0.8140), (-0.5836, -0.6948, 0.4203))


def expect_colour(program: Program, name: str) -> None:
    """Refuses what is neither grey nor red, green and blue.

    Raises
    ------
    ShapeError
        For another number of channels than 1 or 3.
    """
    if program.channels not in (1, 3):
        raise ShapeError(f"images: {name} needs 1 or 3 channels, got {program.channels}")


class Grayscale(Transform):
    """Grey, by the weights 0.2989, 0.587 and 0.114.

    Parameters
    ----------
    num_output_channels : {1, 3}
        Three equal ones keep the shape.

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
        """Grey for all."""
        expect_colour(program, "Grayscale")
        if program.channels == 1 and self.num_output_channels == 3:
            raise ShapeError(
                "images: they have one channel; Grayscale makes three out of three only"
            )
        if program.partial and self.num_output_channels != program.channels:
            raise ArgumentError(
                "num_output_channels: all images of a batch must have as many; take 3 within "
                "RandomApply and OneOf"
            )
        program.add("grey", (), (self.num_output_channels,))
        program.channels = self.num_output_channels


class RandomGrayscale(Transform):
    """Grey with as many channels, with a probability.

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
        """Grey for some."""
        expect_colour(program, "RandomGrayscale")
        program.add("grey", (), (program.channels,), apply=program.draw(1)[:, 0] < self.p)


class ColorJitter(Transform):
    """Brightness, contrast, saturation and hue changed at random, in random order.

    Parameters
    ----------
    brightness, contrast, saturation : float or pair (low, high)
        Factors; a number stands for ``(max(0, 1 - value), 1 + value)``.
    hue : float up to 0.5 or pair (low, high)
        Shares of the colour circle; a number stands for ``(-hue, hue)``.

    Notes
    -----
    Values are cut off at 0 and the brightest after each change. Images of one channel have no
    saturation and no hue.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import augment
    >>> brighter = augment.ColorJitter(brightness=(1.5, 1.5))
    >>> brighter(np.array([[[[100, 20, 200]]]], np.uint8)).ravel().tolist()
    [150, 30, 255]
    """

    def __init__(
        self, brightness: Any = 0.0, contrast: Any = 0.0, saturation: Any = 0.0, hue: Any = 0.0
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
        """An order, three factors and a turn for each sample."""
        expect_colour(program, "ColorJitter")
        numbers = program.draw(5)
        order = ORDERS[(numbers[:, 0] * len(ORDERS)).astype(np.int64)]
        ranges = (self.brightness, self.contrast, self.saturation, self.hue)
        amounts = [
            low if low == high else low + numbers[:, 1 + i] * (high - low)
            for i, (low, high) in enumerate(ranges)
        ]
        program.add("color_jitter", (order, *amounts))


def _factors(name: str, value: Any) -> tuple[float, float]:
    if _arguments.is_sequence(value):
        return check_range(name, value, 0.0)
    spread = _arguments.number(name, value, 0.0)
    return max(0.0, 1.0 - spread), 1.0 + spread


class PCAColor(Transform):
    """Each pixel gets a random multiple of the main axes of natural colours: AlexNet's
    augmentation.

    Parameters
    ----------
    sigma : float
        Deviation of the multiples.
    eigenvalues : array_like of shape (3,)
        Spread along each axis, for values from 0 to 1; by default those of ImageNet.
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
    >>> np.unique(augment.PCAColor(0.1)(x).reshape(-1, 3), axis=0).shape  # one shift for the whole image
    (1, 3)
    """

    def __init__(
        self,
        sigma: float = 0.1,
        eigenvalues: ArrayLike = EIGENVALUES,
        eigenvectors: ArrayLike = EIGENVECTORS,
    ) -> None:
        self.sigma = _arguments.number("sigma", sigma, 0.0)
        self._axes = np.asarray(eigenvectors, dtype=np.float64) * np.asarray(
            eigenvalues, dtype=np.float64
        )
        if self._axes.shape != (3, 3) or not np.isfinite(self._axes).all():
            raise ShapeError(
                "eigenvectors: expected finite numbers of shape (3, 3), and eigenvalues (3,)"
            )

    def lower(self, program: Program) -> None:
        """Three summands for each sample."""
        if program.channels != 3:
            raise ShapeError(f"images: PCAColor needs 3 channels, got {program.channels}")
        shift = (normal(program.draw(4))[:, :3] * self.sigma) @ self._axes.T
        program.add("add", tuple(shift.T))


def normal(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Normal numbers out of as many uniform ones, of which there are an even number: the method of
    Box and Muller.
    """
    first, second = np.split(numbers, 2, axis=1)
    radius = np.sqrt(-2 * np.log1p(-first))
    both: NDArray[np.float64] = np.concatenate(
        [radius * np.cos(2 * np.pi * second), radius * np.sin(2 * np.pi * second)], axis=1
    )
    return both
