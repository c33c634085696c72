"""What a transform is: a callable on batches, and the base class of all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike, NDArray

from cnnrs import _arguments
from cnnrs.errors import DTypeError

if TYPE_CHECKING:
    from cnnrs.augment.batch import Batch
    from cnnrs.augment.program import Key, Program

__all__ = ["Transform"]

MIN_VISIBILITY = 0.1  # share of a box


class Transform:
    """Base class of the transforms; a child says in `lower` which steps it adds to a program.

    A transform is called on a batch. What is random in it depends on the seed, the epoch, the
    sample's index and the place of the transform in its pipeline, on nothing else: a sample looks
    the same in any batch, at any number of threads.
    """

    min_visibility = MIN_VISIBILITY

    def __call__(
        self,
        images: Any,
        *,
        labels: Any = None,
        boxes: Any = None,
        masks: Any = None,
        keypoints: Any = None,
        difficult: Any = None,
        indices: ArrayLike | None = None,
        epoch: int = 0,
        seed: int = 0,
        out: NDArray[Any] | None = None,
    ) -> Any:
        """Transform a batch, and what belongs to it.

        Parameters
        ----------
        images : array_like of shape (n, height, width, channels), or list of (height, width, channels); uint8 or float32
            Never written to.
        labels : array_like of length n, or list of n arrays, optional
            One per image (kept; the mixing transforms make shares of classes of them). Or, beside
            `boxes`, a list with one per box: those of dropped boxes are dropped too.
        boxes : list of n arrays of shape (k, 4), optional
            ``xyxy`` in pixels, measured from the corner of the image. They are clipped to the
            image; one of which less than `min_visibility` (a tenth, unless `Compose` says
            otherwise) of the area is left is dropped.
        masks : array_like of integers or bool, shape (n, height, width), or list of (height, width), optional
            Moved with the nearest neighbour: no new values but 0 beyond the border.
        keypoints : array_like of shape (n, k, 2), or list of (k, 2), optional
            ``(x, y)`` from the corner of the image: the centre of the first pixel is (0.5, 0.5).
            None is dropped; they may leave the image.
        difficult : list of n arrays of bool, shape (k,), optional
            A flag for each box, beside `boxes`; those of dropped boxes are dropped too.
        indices : array_like of int, shape (n,), optional
            The place of each image in its data set; by default 0 to n - 1.
        epoch, seed : int
            Another epoch or seed, another look.
        out : ndarray, optional
            Where the images go, if they come out as one array of this shape and dtype.

        Returns
        -------
        ndarray or list, or tuple of them
            The images, or a tuple of what was given in the order images, labels, boxes, masks,
            keypoints, difficult. Images of different sizes are a list.

        Raises
        ------
        ShapeError, DTypeError, ArgumentError
            For arguments that do not fit, naming them.
        """
        from cnnrs.augment.batch import Batch

        batch = Batch.of(images, labels, boxes, masks, keypoints, difficult)
        self.run(batch, batch.key(indices, epoch, seed), out)
        return batch.result()

    def parts(self) -> Sequence[Transform]:
        """The transforms to run one after the other; a pipeline's members, else the transform
        itself.
        """
        return (self,)

    def run(self, batch: Batch, key: Key, out: NDArray[Any] | None = None) -> None:
        """Transform a batch in place of itself."""
        from cnnrs.augment.pipeline import run

        run(self.parts(), batch, key, out=out, min_visibility=self.min_visibility)

    def lower(self, program: Program) -> None:
        """Add this transform's steps to the program of a batch."""
        raise NotImplementedError(f"{type(self).__name__} has no `lower`")

    def arguments(self) -> dict[str, Any]:
        """The arguments, for `repr`."""
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.arguments().items())})"


def probability(name: str, value: Any) -> float:
    """A number from 0 to 1."""
    return _arguments.number(name, value, 0.0, 1.0)


def fill_value(fill: Any) -> float | tuple[float, ...]:
    """A number, or a tuple of them, one for each channel.

    Raises
    ------
    DTypeError, ArgumentError
        For anything else.
    """
    if _arguments.is_sequence(fill):
        values = tuple(_arguments.number("fill", value) for value in fill)
        if not values:
            raise DTypeError("fill: expected a number, or one for each channel, got nothing")
        return values
    return _arguments.number("fill", fill)


def transforms_of(name: str, transforms: Any) -> tuple[Transform, ...]:
    """A sequence of transforms, checked.

    Raises
    ------
    DTypeError
        For anything else.
    """
    if isinstance(transforms, Transform) or not _arguments.is_sequence(transforms):
        raise DTypeError(f"{name}: expected a sequence of transforms, got {transforms!r}")
    for transform in transforms:
        if not isinstance(transform, Transform):
            raise DTypeError(
                f"{name}: expected transforms of cnnrs.augment, got {transform!r}; a function goes "
                "into Lambda"
            )
    return tuple(transforms)
