"""Rotate, shear, scale, project and elastically distort images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnrs import _arguments
from cnnrs.augment.matrices import about, affine, homography
from cnnrs.augment.program import Program, check_range
from cnnrs.augment.transform import Transform, fill_value, probability
from cnnrs.errors import ArgumentError, ShapeError

__all__ = ["ElasticTransform", "RandomAffine", "RandomPerspective", "RandomRotation"]

ROUNDING = 1e-9  # pixels: an extent this much beyond a whole number is that number


class _Warping(Transform):
    def _look(self, interpolation: str, fill: Any, mask_fill: int) -> None:
        self.interpolation = _arguments.choice(
            "interpolation", interpolation, ("nearest", "bilinear")
        )
        self.fill = fill_value(fill)
        self.mask_fill = _arguments.integer("mask_fill", mask_fill)


def symmetric_range(name: str, value: Any) -> tuple[float, float]:
    """Return ``(-value, value)`` for a number, or the checked pair."""
    if _arguments.is_sequence(value):
        return check_range(name, value)
    limit = _arguments.number(name, value, 0.0)
    return 0.0 - limit, limit


def centre_of(center: Any) -> tuple[float, float] | None:
    """Check a point (x, y) in pixels, or None for the centre of the image."""
    if center is None:
        return None
    if not _arguments.is_sequence(center) or len(center) != 2:
        raise ShapeError(f"center: expected a pair (x, y), got {center!r}")
    return _arguments.number("center", center[0]), _arguments.number("center", center[1])


class RandomRotation(_Warping):
    """Rotate images by a random angle, counter-clockwise.

    Parameters
    ----------
    degrees : float or pair (low, high)
        A number means ``(-degrees, degrees)``.
    interpolation : {"bilinear", "nearest"}
        torchvision's default is nearest.
    expand : bool
        Whether to enlarge the result to hold the whole rotated image. The images of a batch may
        then differ in size.
    center : pair (x, y), optional
        Centre of rotation in pixels. Default: the centre of the image. Not with `expand`.
    fill : float or one for each channel
        Value outside the image, in the units of the image.
    mask_fill : int
        Fill value of masks.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import augment
    >>> quarter = augment.RandomRotation((90, 90))
    >>> quarter(np.array([[[[1], [2]], [[3], [4]]]], np.uint8))[0, :, :, 0].tolist()
    [[2, 4], [1, 3]]
    """

    def __init__(
        self,
        degrees: Any,
        interpolation: str = "bilinear",
        *,
        expand: bool = False,
        center: Any = None,
        fill: Any = 0,
        mask_fill: int = 0,
    ) -> None:
        self.degrees = symmetric_range("degrees", degrees)
        self.expand = _arguments.flag("expand", expand)
        self.center = centre_of(center)
        self._look(interpolation, fill, mask_fill)
        if self.expand and center is not None:
            raise ArgumentError(
                "center: expected None with expand=True, which shows the whole image"
            )

    def lower(self, program: Program) -> None:
        """Draw one angle for each sample."""
        low, high = self.degrees
        turn = affine(-(low + program.draw(1)[:, 0] * (high - low)), 1.0, 0.0, 0.0, len(program))
        x, y = self.center or (program.widths / 2, program.heights / 2)
        if not self.expand:
            program.warp(about(turn, x, y), self.interpolation, self.fill, mask_fill=self.mask_fill)
            return
        reach = (
            np.abs(turn[:, :2, :2]) @ np.stack([program.widths, program.heights], axis=1)[..., None]
        )
        width, height = np.ceil(reach[:, :, 0] - ROUNDING).T
        matrix = about(turn, x, y, width / 2, height / 2)
        program.warp(
            matrix, self.interpolation, self.fill, size=(height, width), mask_fill=self.mask_fill
        )


class RandomAffine(_Warping):
    """Apply a random affine map: rotation, shift, scale and shear.

    Parameters
    ----------
    degrees : float or pair (low, high)
        Rotation, clockwise as in torchvision.
    translate : pair (horizontal, vertical) of float from 0 to 1, optional
        Largest shifts as fractions of the width and height, rounded to whole pixels.
    scale : pair (low, high), optional
    shear : float, pair or four of float, optional
        In degrees: the largest shear in x in either direction, a range in x, or ranges in x and y.
    interpolation : {"bilinear", "nearest"}
        torchvision's default is nearest.
    fill : float or one for each channel
        Value outside the image, in the units of the image.
    center : pair (x, y), optional
        Centre of the map in pixels. Default: the centre of the image.
    mask_fill : int
        Fill value of masks.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import augment
    >>> x = np.arange(16, dtype=np.uint8).reshape(1, 4, 4, 1)
    >>> bool((augment.RandomAffine(0)(x) == x).all())
    True
    """

    def __init__(
        self,
        degrees: Any,
        translate: Sequence[float] | None = None,
        *,
        scale: Sequence[float] | None = None,
        shear: Any = None,
        interpolation: str = "bilinear",
        fill: Any = 0,
        center: Any = None,
        mask_fill: int = 0,
    ) -> None:
        self.degrees = symmetric_range("degrees", degrees)
        if translate is not None and (not _arguments.is_sequence(translate) or len(translate) != 2):
            raise ShapeError(
                f"translate: expected a pair (horizontal, vertical), got {translate!r}"
            )
        self.translate = (
            None
            if translate is None
            else tuple(_arguments.number("translate", share, 0.0, 1.0) for share in translate)
        )
        self.scale = None if scale is None else check_range("scale", scale, 1e-6)
        self.shear = _shears(shear)
        self.center = centre_of(center)
        self._look(interpolation, fill, mask_fill)

    def lower(self, program: Program) -> None:
        """Draw one matrix for each sample."""
        numbers = program.draw(6)

        def between(place: int, bounds: tuple[float, float]) -> Any:
            return bounds[0] + numbers[:, place] * (bounds[1] - bounds[0])

        across, down = self.translate or (0.0, 0.0)
        shift_x = np.round(between(0, (-across, across)) * program.widths)
        shift_y = np.round(between(1, (-down, down)) * program.heights)
        turn, factor = between(2, self.degrees), between(3, self.scale or (1.0, 1.0))
        matrix = affine(
            turn, factor, between(4, self.shear[:2]), between(5, self.shear[2:]), len(program)
        )
        x, y = self.center or (program.widths / 2, program.heights / 2)
        matrix = about(matrix, x, y, x + shift_x, y + shift_y)
        program.warp(matrix, self.interpolation, self.fill, mask_fill=self.mask_fill)


def _shears(shear: Any) -> Any:
    if shear is None:
        return (0.0, 0.0, 0.0, 0.0)
    items = (
        tuple(shear)
        if _arguments.is_sequence(shear)
        else (-_arguments.number("shear", shear, 0.0), shear)
    )
    numbers = tuple(_arguments.number("shear", item, -89.0, 89.0) for item in items)
    if len(numbers) not in (2, 4):
        raise ShapeError(
            f"shear: expected a number, a range in x, or ranges in x and y, got {shear!r}"
        )
    numbers += (0.0, 0.0) * (len(numbers) == 2)
    check_range("shear", numbers[:2])
    check_range("shear", numbers[2:])
    return numbers


class RandomPerspective(_Warping):
    """Apply a random perspective map that moves each corner inwards.

    Parameters
    ----------
    distortion_scale : float from 0 to 1
        Each corner moves by up to this fraction of half a side.
    p : float from 0 to 1
    interpolation : {"bilinear", "nearest"}
    fill : float or one for each channel
        Value outside the image, in the units of the image.
    mask_fill : int
        Fill value of masks.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import augment
    >>> x = np.arange(16, dtype=np.uint8).reshape(1, 4, 4, 1)
    >>> bool((augment.RandomPerspective(0.0, p=1.0)(x) == x).all())
    True
    """

    def __init__(
        self,
        distortion_scale: float = 0.5,
        p: float = 0.5,
        *,
        interpolation: str = "bilinear",
        fill: Any = 0,
        mask_fill: int = 0,
    ) -> None:
        self.distortion_scale = _arguments.number("distortion_scale", distortion_scale, 0.0, 1.0)
        self.p = probability("p", p)
        self._look(interpolation, fill, mask_fill)

    def lower(self, program: Program) -> None:
        """Draw four corners for each sample."""
        numbers = program.draw(9)
        size = np.stack([program.widths, program.heights], axis=1)[:, None].astype(np.float64)
        corners = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
        # 0.98: at full distortion corners could meet, and a map that folds the image has no
        # inverse.
        inwards = numbers[:, 1:].reshape(-1, 4, 2) * (self.distortion_scale * 0.98 / 2)
        end = (corners + np.where(corners > 0, -inwards, inwards)) * size
        matrix = homography(corners * size, end)
        program.warp(
            matrix,
            self.interpolation,
            self.fill,
            apply=numbers[:, 0] < self.p,
            mask_fill=self.mask_fill,
        )


class ElasticTransform(_Warping):
    """Shift every pixel by a small random amount that varies smoothly over the image.

    Parameters
    ----------
    alpha : float or pair (x, y)
        Strength: the shift is ``alpha / 2`` pixels times blurred noise from -1 to 1, as in
        torchvision.
    sigma : float or pair (x, y)
        Standard deviation of the blur, in pixels.
    interpolation : {"bilinear", "nearest"}
    fill : float or one for each channel
        Value outside the image, in the units of the image.
    mask_fill : int
        Fill value of masks.

    Notes
    -----
    A box is replaced by the bounding box of its distorted edges.

    References
    ----------
    P. Simard, D. Steinkraus & J. Platt, "Best practices for convolutional neural networks applied
    to visual document analysis", 2003.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import augment
    >>> augment.ElasticTransform(30.0, 4.0)(np.zeros((2, 28, 28, 1), np.uint8)).shape
    (2, 28, 28, 1)
    """

    def __init__(
        self,
        alpha: Any = 50.0,
        sigma: Any = 5.0,
        *,
        interpolation: str = "bilinear",
        fill: Any = 0,
        mask_fill: int = 0,
    ) -> None:
        self.alpha = _two("alpha", alpha)
        self.sigma = _two("sigma", sigma)
        self._look(interpolation, fill, mask_fill)

    def lower(self, program: Program) -> None:
        """Draw one field of shifts for each sample."""
        key = program.draw(2)
        strength = [alpha / 2 for alpha in self.alpha]
        program.add(
            "elastic",
            (*key.T, *strength, self.sigma[1], self.sigma[0]),
            program.fill(self.fill),
            mode=self.interpolation,
            mask_fill=self.mask_fill,
        )


def _two(name: str, value: Any) -> tuple[float, float]:
    items = tuple(value) if _arguments.is_sequence(value) else (value, value)
    if len(items) != 2:
        raise ShapeError(f"{name}: expected a number or a pair (x, y), got {value!r}")
    return _arguments.number(name, items[0], 0.0, 1e4), _arguments.number(name, items[1], 0.0, 1e4)
