"""Crop, pad, flip and translate images by whole pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnrs import _arguments
from cnnrs.augment.program import BORDERS, Program
from cnnrs.augment.transform import Transform, fill_value, probability
from cnnrs.errors import ArgumentError, ShapeError

__all__ = [
    "CenterCrop",
    "Pad",
    "RandomCrop",
    "RandomHorizontalFlip",
    "RandomTranslate",
    "RandomVerticalFlip",
]


class _Flip(Transform):
    kind = ""

    def __init__(self, p: float = 0.5) -> None:
        self.p = probability("p", p)

    def lower(self, program: Program) -> None:
        """Add a flip for some samples."""
        program.add(self.kind, apply=program.draw(1)[:, 0] < self.p)


class RandomHorizontalFlip(_Flip):
    """Flip images left to right with probability `p`.

    Parameters
    ----------
    p : float from 0 to 1

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import augment
    >>> augment.RandomHorizontalFlip(1.0)(np.array([[[[1], [2]]]], np.uint8)).ravel().tolist()
    [2, 1]
    """

    kind = "flip_horizontal"


class RandomVerticalFlip(_Flip):
    """Flip images upside down with probability `p`.

    Parameters
    ----------
    p : float from 0 to 1

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import augment
    >>> augment.RandomVerticalFlip(1.0)(np.array([[[[1]], [[2]]]], np.uint8)).ravel().tolist()
    [2, 1]
    """

    kind = "flip_vertical"


class Pad(Transform):
    """Pad images with a border.

    Parameters
    ----------
    padding : int, pair (left/right, top/bottom) or four (left, top, right, bottom)
        In pixels; as in torchvision, the horizontal sides first.
    fill : float or one for each channel
        Value of the border, in the units of the image.
    padding_mode : {"constant", "edge", "reflect", "symmetric"}
        As in `numpy.pad`.
    mask_fill : int
        Fill value of masks.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import augment
    >>> augment.Pad(1)(np.ones((1, 2, 2, 1), np.uint8)).shape
    (1, 4, 4, 1)
    """

    def __init__(
        self, padding: Any, fill: Any = 0, *, padding_mode: str = "constant", mask_fill: int = 0
    ) -> None:
        self.padding = padding_sides(padding)
        self.fill = fill_value(fill)
        self.padding_mode = _arguments.choice("padding_mode", padding_mode, BORDERS)
        self.mask_fill = _arguments.integer("mask_fill", mask_fill)

    def lower(self, program: Program) -> None:
        """Add a crop that is larger than the image."""
        left, top, right, bottom = self.padding
        height, width = program.heights + (top + bottom), program.widths + (left + right)
        program.add(
            "crop",
            (-top, -left, height, width),
            program.fill(self.fill),
            mode=self.padding_mode,
            size=(height, width),
            mask_fill=self.mask_fill,
        )


def padding_sides(padding: Any) -> tuple[int, int, int, int]:
    """Return left, top, right and bottom padding from one, two or four numbers.

    Raises
    ------
    ShapeError, DTypeError
        If it is anything else.
    """
    items = tuple(padding) if _arguments.is_sequence(padding) else (padding,)
    numbers = tuple(_arguments.size("padding", item, 0, 1 << 20) for item in items)
    if len(numbers) not in (1, 2, 4):
        raise ShapeError(
            "padding: expected an integer, a pair (horizontal, vertical) or four (left, top, "
            f"right, bottom), got {padding!r}"
        )
    left, top, right, bottom = numbers * (4 // len(numbers))
    return left, top, right, bottom


class CenterCrop(Transform):
    """Crop the centre of the image. Pad with zeros if the image is too small.

    Parameters
    ----------
    size : int or pair (height, width)

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import augment
    >>> augment.CenterCrop(1)(np.arange(9, dtype=np.uint8).reshape(1, 3, 3, 1)).item()
    4
    """

    def __init__(self, size: Any) -> None:
        self.size = _arguments.pair("size", size)

    def lower(self, program: Program) -> None:
        """Add a centred crop. Half pixels are rounded to even, as in torchvision."""
        top, left = (
            np.round((have - want) / 2)
            for have, want in zip((program.heights, program.widths), self.size, strict=True)
        )
        program.add("crop", (top, left, *self.size), (0,), mode="constant", size=self.size)


class RandomCrop(Transform):
    """Crop a window at a random position.

    Parameters
    ----------
    size : int or pair (height, width)
    padding : int, pair or four, optional
        Pad the image first, as in `Pad`.
    pad_if_needed : bool
        Whether to pad images that are smaller than the window. If not, they raise an error.
    fill : float or one for each channel
        Value of the border, in the units of the image.
    padding_mode : {"constant", "edge", "reflect", "symmetric"}
    mask_fill : int
        Fill value of masks.

    Raises
    ------
    ShapeError
        If an image is smaller than the window.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import augment
    >>> augment.RandomCrop(32, padding=4)(np.zeros((2, 32, 32, 3), np.uint8)).shape
    (2, 32, 32, 3)
    """

    def __init__(
        self,
        size: Any,
        padding: Any = None,
        *,
        pad_if_needed: bool = False,
        fill: Any = 0,
        padding_mode: str = "constant",
        mask_fill: int = 0,
    ) -> None:
        self.size = _arguments.pair("size", size)
        self.padding = None if padding is None else padding_sides(padding)
        self.pad_if_needed = _arguments.flag("pad_if_needed", pad_if_needed)
        self.fill = fill_value(fill)
        self.padding_mode = _arguments.choice("padding_mode", padding_mode, BORDERS)
        self.mask_fill = _arguments.integer("mask_fill", mask_fill)

    def lower(self, program: Program) -> None:
        """Add one crop that includes the padding."""
        numbers = program.draw(2)
        left, top, right, bottom = self.padding or (0, 0, 0, 0)
        starts = []
        for axis, (have, before, after, want) in enumerate(
            (
                (program.heights, top, bottom, self.size[0]),
                (program.widths, left, right, self.size[1]),
            )
        ):
            room = have + (before + after - want)
            fits = bool(room.min(initial=0) >= 0)
            if not self.pad_if_needed and not fits:
                raise ShapeError(
                    f"images: a window of {self.size} does not fit in "
                    f"{program.heights.min()}x{program.widths.min()} pixels with "
                    f"padding {self.padding}; pad_if_needed=True adds a border"
                )
            # An image that is too small is placed anywhere within the window.
            start = np.floor(numbers[:, axis] * ((room if fits else np.abs(room)) + 1)) - before
            starts.append(start if fits else start + np.minimum(room, 0))
        program.add(
            "crop",
            (*starts, *self.size),
            program.fill(self.fill),
            mode=self.padding_mode,
            size=self.size,
            mask_fill=self.mask_fill,
        )


class RandomTranslate(Transform):
    """Shift images by a random number of whole pixels.

    Parameters
    ----------
    translate : int or float, or pair (vertical, horizontal)
        Each is the largest shift in either direction, or a range ``(low, high)``. Positive values
        shift down and to the right. Integers are pixels; floats are fractions of the height or
        width.
    fill : float or one for each channel
        Value outside the image, in the units of the image.
    padding_mode : {"constant", "edge", "reflect", "symmetric"}
    mask_fill : int
        Fill value of masks.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import augment
    >>> left = augment.RandomTranslate((0, (-1, -1)))  # by one pixel to the left, always
    >>> left(np.array([[[[1], [2], [3]]]], np.uint8)).ravel().tolist()
    [2, 3, 0]
    """

    def __init__(
        self, translate: Any, fill: Any = 0, *, padding_mode: str = "constant", mask_fill: int = 0
    ) -> None:
        both = tuple(translate) if _arguments.is_sequence(translate) else (translate, translate)
        if len(both) != 2:
            raise ShapeError(
                f"translate: expected a number or a pair (vertical, horizontal), got {translate!r}"
            )
        self.translate = (_shift_range(both[0]), _shift_range(both[1]))
        self.fill = fill_value(fill)
        self.padding_mode = _arguments.choice("padding_mode", padding_mode, BORDERS)
        self.mask_fill = _arguments.integer("mask_fill", mask_fill)

    def lower(self, program: Program) -> None:
        """Add a crop of the size of the image, shifted the other way."""
        numbers = program.draw(2)
        starts = []
        for axis, ((low, high), side) in enumerate(
            zip(self.translate, (program.heights, program.widths), strict=True)
        ):
            first, last = (
                np.round(bound * side) if isinstance(bound, float) else bound
                for bound in (low, high)
            )
            starts.append(-(first + np.floor(numbers[:, axis] * (last - first + 1))))
        height, width = program.heights, program.widths
        program.add(
            "crop",
            (*starts, height, width),
            program.fill(self.fill),
            mode=self.padding_mode,
            size=(height, width),
            mask_fill=self.mask_fill,
        )


def _shift_range(value: Any) -> tuple[float, float]:
    items: Sequence[Any] = tuple(value) if _arguments.is_sequence(value) else (value,)
    numbers = [
        item
        if isinstance(item, int) and not isinstance(item, bool)
        else _arguments.number("translate", item)
        for item in items
    ]
    if len(numbers) == 1 and numbers[0] >= 0:
        numbers = [-numbers[0], numbers[0]]
    if len(numbers) != 2 or numbers[0] > numbers[1]:
        raise ArgumentError(
            "translate: expected a shift of at least 0 or a range (low, high) for each direction, "
            f"got {value!r}"
        )
    if any(isinstance(number, float) and abs(number) > 1 for number in numbers):
        raise ArgumentError(
            f"translate: expected pixels (int) or fractions from -1 to 1 (float), got {value!r}"
        )
    return numbers[0], numbers[1]
