"""Blur images, add noise, and erase parts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnrs import _arguments
from cnnrs.augment.program import Program, check_range
from cnnrs.augment.transform import Transform, fill_value, probability
from cnnrs.errors import ArgumentError

__all__ = ["Cutout", "GaussianBlur", "GaussianNoise", "RandomErasing"]

TRIES = 10  # rectangles drawn before none is erased, as in torchvision


class GaussianBlur(Transform):
    """Blur images with a Gaussian of random standard deviation.

    Parameters
    ----------
    kernel_size : int or pair (height, width), odd
    sigma : float or pair (low, high)
        Standard deviation, or its range, in pixels. 0 does not blur.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import augment
    >>> x = np.full((1, 5, 5, 1), 7, np.uint8)
    >>> bool((augment.GaussianBlur(3)(x) == x).all())  # a flat image stays
    True
    """

    def __init__(self, kernel_size: Any, sigma: Any = (0.1, 2.0)) -> None:
        self.kernel_size = _arguments.pair("kernel_size", kernel_size)
        if any(side % 2 == 0 for side in self.kernel_size):
            raise ArgumentError(f"kernel_size: expected odd numbers, got {kernel_size!r}")
        self.sigma = check_range(
            "sigma", sigma if _arguments.is_sequence(sigma) else (sigma, sigma), 0.0, 1e4
        )

    def lower(self, program: Program) -> None:
        """Draw one standard deviation for each sample."""
        low, high = self.sigma
        sigma = low + program.draw(1)[:, 0] * (high - low)
        program.add("gaussian_blur", (sigma, sigma), [side // 2 for side in self.kernel_size])


class GaussianNoise(Transform):
    """Add normally distributed noise to every value.

    Parameters
    ----------
    mean, sigma : float
        Mean and standard deviation of the noise, where 1 is the brightest value.
    clip : bool
        Whether to clip values to the range of the image.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import augment
    >>> x = np.full((1, 64, 64, 3), 128, np.uint8)
    >>> bool(abs(augment.GaussianNoise(sigma=0.1)(x).std() - 25.5) < 1)
    True
    """

    def __init__(self, mean: float = 0.0, sigma: float = 0.1, *, clip: bool = True) -> None:
        self.mean = _arguments.number("mean", mean)
        self.sigma = _arguments.number("sigma", sigma, 0.0)
        self.clip = _arguments.flag("clip", clip)

    def lower(self, program: Program) -> None:
        """Draw one stream of noise for each sample."""
        program.add(
            "gaussian_noise", (*program.draw(2).T, self.mean, self.sigma), (float(self.clip),)
        )


class RandomErasing(Transform):
    """Erase a random rectangle: fill it with one value or with noise.

    Parameters
    ----------
    p : float from 0 to 1
    scale : pair of float
        Smallest and largest fraction of the area.
    ratio : pair of float
        Smallest and largest height / width, drawn uniformly on a logarithmic scale.
    value : float, one for each channel, or "random"
        Fill value in the units of the image. "random" is standard normal noise, for normalised
        images.

    References
    ----------
    Z. Zhong et al., "Random erasing data augmentation", AAAI 2020.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import augment
    >>> y = augment.RandomErasing(1.0)(np.ones((1, 32, 32, 3), np.float32))
    >>> bool(0.01 < (y == 0).mean() < 0.34)
    True
    """

    def __init__(
        self,
        p: float = 0.5,
        scale: Sequence[float] = (0.02, 0.33),
        *,
        ratio: Sequence[float] = (0.3, 3.3),
        value: Any = 0,
    ) -> None:
        self.p = probability("p", p)
        self.scale = check_range("scale", scale, 0.0, 1.0)
        self.ratio = check_range("ratio", ratio, 1e-3, 1e3)
        self.value = value if isinstance(value, str) else fill_value(value)
        if isinstance(value, str) and value != "random":
            raise ArgumentError(f'value: expected numbers or "random", got {value!r}')

    def lower(self, program: Program) -> None:
        """Draw one rectangle for each sample: the first of ten that fits, otherwise none."""
        numbers = program.draw(2 * TRIES + 5)
        heights, widths = program.heights[:, None], program.widths[:, None]
        area = (
            heights
            * widths
            * (self.scale[0] + numbers[:, :TRIES] * (self.scale[1] - self.scale[0]))
        )
        low, high = (math.log(bound) for bound in self.ratio)
        root = np.exp(0.5 * (low + numbers[:, TRIES : 2 * TRIES] * (high - low)))
        height, width = np.round(np.sqrt(area) * root), np.round(np.sqrt(area) / root)
        fits = (height < heights) & (width < widths)
        rows, first = np.arange(len(program)), fits.argmax(axis=1)
        height, width = height[rows, first], width[rows, first]
        top, left = (
            np.floor(numbers[:, 2 * TRIES + i] * (side - length + 1))
            for i, (side, length) in enumerate(((program.heights, height), (program.widths, width)))
        )
        apply = fits[rows, first] & (numbers[:, -1] < self.p)
        noise = self.value == "random"
        value = (0.0,) if noise else program.fill(self.value)  # type: ignore[arg-type]
        inside = [np.where(apply, column, 0) for column in (top, left, height, width)]
        program.add(
            "erase",
            (*inside, *numbers[:, 2 * TRIES + 2 : -1].T),
            (float(noise), *value),
            apply=apply,
        )


class Cutout(Transform):
    """Fill a rectangle around a random pixel with one value. It may extend beyond the image.

    Parameters
    ----------
    size : int or pair (height, width)
        Size of the rectangle, in pixels.
    p : float from 0 to 1
    value : float or one for each channel
        In the units of the image.

    References
    ----------
    T. DeVries & G. Taylor, "Improved regularization of convolutional neural networks with cutout",
    2017.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import augment
    >>> bool(4 <= (augment.Cutout(4)(np.ones((1, 32, 32, 1), np.uint8)) == 0).sum() <= 16)
    True
    """

    def __init__(self, size: Any, p: float = 1.0, *, value: Any = 0) -> None:
        self.size = _arguments.pair("size", size)
        self.p = probability("p", p)
        self.value = fill_value(value)

    def lower(self, program: Program) -> None:
        """Draw one rectangle for each sample."""
        numbers = program.draw(3)
        columns = []
        for axis, (side, length) in enumerate(
            zip((program.heights, program.widths), self.size, strict=True)
        ):
            start = np.floor(numbers[:, axis] * side) - length // 2
            columns.append((np.maximum(start, 0), np.minimum(start + length, side)))
        (top, bottom), (left, right) = columns
        value = (0.0, *program.fill(self.value))
        program.add(
            "erase",
            (top, left, bottom - top, right - left, 0.0, 0.0),
            value,
            apply=numbers[:, 2] < self.p,
        )
