"""Combine transforms: in sequence, with a probability, one of several; and wrap functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnrs import _arguments, ops
from cnnrs.augment.batch import Batch
from cnnrs.augment.program import Key, Program
from cnnrs.augment.transform import (
    MIN_VISIBILITY,
    Transform,
    WholeBatch,
    probability,
    transforms_of,
)
from cnnrs.errors import ArgumentError, DTypeError, ShapeError

__all__ = ["Compose", "Lambda", "OneOf", "RandomApply"]


class Compose(Transform):
    """Apply transforms in sequence, in one pass over each image.

    Values between the transforms are float32. uint8 results are rounded once, at the end.

    Parameters
    ----------
    transforms : sequence of Transform
    min_visibility : float from 0 to 1
        A box is dropped if less than this fraction of its area is left. 0 keeps all boxes, also
        those outside the image, which then have no area.

    Raises
    ------
    DTypeError, ArgumentError
        If an argument is invalid.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import augment
    >>> crop, flip = augment.RandomCrop(32, padding=4), augment.RandomHorizontalFlip()
    >>> pipe = augment.Compose([crop, flip, augment.Normalize(0.5, 0.25)])
    >>> x = np.zeros((8, 32, 32, 3), np.uint8)
    >>> y = pipe(x, indices=np.arange(8), epoch=0, seed=1)
    >>> y.shape, y.dtype
    ((8, 32, 32, 3), dtype('float32'))
    """

    def __init__(
        self, transforms: Sequence[Transform], *, min_visibility: float = MIN_VISIBILITY
    ) -> None:
        self.transforms = transforms_of("transforms", transforms)
        self.min_visibility = probability("min_visibility", min_visibility)

    def parts(self) -> Sequence[Transform]:
        """Return the transforms, with inner pipelines flattened."""
        return tuple(part for transform in self.transforms for part in transform.parts())

    def lower(self, program: Program) -> None:
        """Add the steps of all transforms."""
        for transform in self.transforms:
            transform.lower(program)


class RandomApply(Transform):
    """Apply transforms in sequence with probability `p`, otherwise none of them.

    Parameters
    ----------
    transforms : sequence of Transform
    p : float from 0 to 1

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import augment
    >>> x = np.arange(4, dtype=np.uint8).reshape(1, 1, 4, 1)
    >>> augment.RandomApply([augment.RandomHorizontalFlip(1.0)], p=0.0)(x).ravel().tolist()
    [0, 1, 2, 3]
    """

    def __init__(self, transforms: Sequence[Transform], p: float = 0.5) -> None:
        self.transforms = _inner(transforms)
        self.p = probability("p", p)

    def lower(self, program: Program) -> None:
        """Add the steps of the transforms, for some samples."""
        with program.only(program.draw(1)[:, 0] < self.p):
            for transform in self.transforms:
                transform.lower(program)


class OneOf(Transform):
    """Apply one of several transforms, chosen at random for each sample.

    Parameters
    ----------
    transforms : sequence of Transform
    p : sequence of float, optional
        Relative probability of each transform. Default: equal.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import augment
    >>> x = np.arange(4, dtype=np.uint8).reshape(1, 1, 4, 1)
    >>> flip, shift = augment.RandomHorizontalFlip(1.0), augment.RandomTranslate(0.5)
    >>> augment.OneOf([flip, shift], p=[1.0, 0.0])(x).ravel().tolist()
    [3, 2, 1, 0]
    """

    def __init__(self, transforms: Sequence[Transform], p: Sequence[float] | None = None) -> None:
        self.transforms = _inner(transforms)
        if not self.transforms:
            raise ArgumentError("transforms: expected at least one, got none")
        weights = (
            np.ones(len(self.transforms))
            if p is None
            else np.array([_arguments.number("p", value, 0.0) for value in p])
        )
        if len(weights) != len(self.transforms) or weights.sum() == 0:
            raise ArgumentError(
                f"p: expected {len(self.transforms)} numbers that are not all 0, got {p!r}"
            )
        self.p = tuple((weights / weights.sum()).tolist())

    def lower(self, program: Program) -> None:
        """Add the steps of every transform, each for the samples that drew it."""
        bounds = np.cumsum(self.p)[:-1]
        choice = np.searchsorted(bounds, program.draw(1)[:, 0], side="right")
        for place, transform in enumerate(self.transforms):
            with program.only(choice == place):
                transform.lower(program)


def _inner(transforms: Any) -> tuple[Transform, ...]:
    members = transforms_of("transforms", transforms)
    for member in members:
        for part in member.parts():
            if part.whole_batch:
                raise ArgumentError(
                    f"transforms: {type(part).__name__} works on whole batches; put it directly "
                    "into a Compose"
                )
    return members


class Lambda(WholeBatch):
    """Apply a NumPy function to the images.

    The function is called with the whole batch ``(n, height, width, channels)``, or with a list of
    images of different sizes, and returns the same number of images. Its own random numbers are
    not controlled by seed and epoch, so its samples are not reproducible if it draws any.

    Parameters
    ----------
    function : callable

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import augment
    >>> augment.Lambda(lambda images: images[:, ::2, ::2])(np.zeros((1, 4, 4, 3), np.uint8)).shape
    (1, 2, 2, 3)
    """

    def __init__(self, function: Callable[[Any], Any]) -> None:
        if not callable(function):
            raise DTypeError(f"function: expected a callable, got {function!r}")
        self.function = function

    def apply(self, batch: Batch, key: Key, ordinal: int, before: Sequence[Any]) -> int:
        """Call the function on the images."""
        images = ops.augment_images(
            "the result of the Lambda", self.function(_read_only(batch.images))
        )
        if len(images) != len(batch):
            raise ShapeError(
                f"the result of the Lambda: expected {len(batch)} images, got {len(images)}"
            )
        batch.images = images
        return ordinal


def _read_only(images: Any) -> Any:
    if not isinstance(images, np.ndarray):
        return [_read_only(image) for image in images]
    view: NDArray[Any] = images.view()
    view.flags.writeable = False
    return view
