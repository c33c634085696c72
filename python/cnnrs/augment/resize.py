"""Resize whole images or random crops of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnrs import _arguments
from cnnrs.augment.program import Program, check_range
from cnnrs.augment.transform import Transform

__all__ = ["RandomResizedCrop", "Resize"]

TRIES = 10  # windows drawn before the largest fitting one is taken, as in torchvision


class _Resizing(Transform):
    def _interpolate(self, interpolation: str, antialias: bool) -> None:
        self.interpolation = _arguments.choice(
            "interpolation", interpolation, ("nearest", "bilinear")
        )
        self.antialias = _arguments.flag("antialias", antialias)

    @property
    def _mode(self) -> str:
        smooth = self.antialias and self.interpolation == "bilinear"
        return "antialias" if smooth else self.interpolation


class Resize(_Resizing):
    """Resize images.

    Parameters
    ----------
    size : int or pair (height, width)
        An integer is the new length of the shorter side; the ratio of the sides is kept.
    interpolation : {"bilinear", "nearest"}
        Bilinear with `antialias` equals Pillow's result up to one level.
    antialias : bool
        Whether to average pixels when the image gets smaller.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import augment
    >>> augment.Resize(2)(np.zeros((1, 4, 6, 3), np.uint8)).shape
    (1, 2, 3, 3)
    """

    def __init__(
        self, size: Any, interpolation: str = "bilinear", *, antialias: bool = True
    ) -> None:
        pair: Any = _arguments.pair("size", size)
        self.size = pair if _arguments.is_sequence(size) else pair[0]
        self._interpolate(interpolation, antialias)

    def lower(self, program: Program) -> None:
        """Add a resize of the whole image."""
        height, width = program.heights, program.widths
        if isinstance(self.size, tuple):
            size: tuple[Any, Any] = self.size
        else:  # torchvision truncates the longer side
            shorter = np.minimum(height, width)
            size = (
                np.where(height <= width, self.size, self.size * height // shorter),
                self.size * width // shorter,
            )
            size = (size[0], np.where(width <= height, self.size, size[1]))
        program.add("resize", (0, 0, height, width, *size), mode=self._mode, size=size)


class RandomResizedCrop(_Resizing):
    """Crop a random window and resize it: the usual augmentation of photos.

    The area and the ratio of the sides are random.

    Parameters
    ----------
    size : int or pair (height, width)
        Size of the result.
    scale : pair of float
        Smallest and largest fraction of the area.
    ratio : pair of float
        Smallest and largest width / height, drawn uniformly on a logarithmic scale.
    interpolation : {"bilinear", "nearest"}
    antialias : bool
        Whether to average pixels when the window gets smaller.

    References
    ----------
    C. Szegedy et al., "Going deeper with convolutions", CVPR 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import augment
    >>> photos = [np.zeros((375, 500, 3), np.uint8), np.zeros((480, 300, 3), np.uint8)]
    >>> augment.RandomResizedCrop(224)(photos).shape
    (2, 224, 224, 3)
    """

    def __init__(
        self,
        size: Any,
        scale: Sequence[float] = (0.08, 1.0),
        *,
        ratio: Sequence[float] = (3 / 4, 4 / 3),
        interpolation: str = "bilinear",
        antialias: bool = True,
    ) -> None:
        self.size = _arguments.pair("size", size)
        self.scale = check_range("scale", scale, 1e-6, 1.0)
        self.ratio = check_range("ratio", ratio, 1e-3, 1e3)
        self._interpolate(interpolation, antialias)

    def lower(self, program: Program) -> None:
        """Add one resized crop for each sample."""
        numbers = program.draw(2 * TRIES + 2)
        window = random_window(numbers, program.heights, program.widths, self.scale, self.ratio)
        program.add("resize", (*window, *self.size), mode=self._mode, size=self.size)


def random_window(
    numbers: NDArray[np.float64],
    heights: NDArray[np.int64],
    widths: NDArray[np.int64],
    scale: tuple[float, float],
    ratio: tuple[float, float],
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return top, left, height and width of a window for each image.

    The window is the first of ten drawn that fits, otherwise the largest of an allowed ratio.
    """
    area = (heights * widths)[:, None] * (scale[0] + numbers[:, :TRIES] * (scale[1] - scale[0]))
    low, high = math.log(ratio[0]), math.log(ratio[1])
    root = np.exp(0.5 * (low + numbers[:, TRIES : 2 * TRIES] * (high - low)))
    side = np.sqrt(area)
    width, height = np.round(side * root), np.round(side / root)
    fits = (width > 0) & (width <= widths[:, None]) & (height > 0) & (height <= heights[:, None])
    first = fits.argmax(axis=1)
    rows = np.arange(len(numbers))
    height, width, fitting = height[rows, first], width[rows, first], fits[rows, first]
    if not fitting.all():
        shape = np.clip(widths / heights, *ratio)
        height = np.where(
            fitting, height, np.clip(np.round(np.minimum(heights, widths / shape)), 1, heights)
        )
        width = np.where(
            fitting, width, np.clip(np.round(np.minimum(widths, heights * shape)), 1, widths)
        )
    top = np.floor(numbers[:, -2] * (heights - height + 1))
    left = np.floor(numbers[:, -1] * (widths - width + 1))
    middle = ~fitting
    top[middle] = ((heights - height) // 2)[middle]
    left[middle] = ((widths - width) // 2)[middle]
    return top, left, height, width
