"""Base classes of the transforms: callables that take a batch and return it transformed."""

from __future__ import annotations

import inspect
import secrets
from collections.abc import Sequence
from typing import Any

from numpy.typing import ArrayLike, NDArray

from cnnrs import _arguments
from cnnrs.augment.batch import Batch
from cnnrs.augment.pipeline import run
from cnnrs.augment.program import Key, Program
from cnnrs.errors import ArgumentError, DTypeError

__all__ = ["Transform", "WholeBatch"]

MIN_VISIBILITY = 0.1  # fraction of the area of a box
SEED_BITS = 63


class Transform:
    """Base class of the transforms. A subclass adds its steps to a program in `lower`.

    A transform is called on a batch. Its random numbers depend only on the seed, the epoch, the
    index of the sample and the position of the transform in its pipeline. A sample therefore looks
    the same in any batch and with any number of threads, and a second call with the same arguments
    returns the same images. Use `random` for new random numbers in every call.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import augment
    >>> class Negative(augment.Transform):
    ...     def lower(self, program):
    ...         program.add("invert")
    >>> Negative()(np.zeros((1, 1, 2, 1), np.uint8)).ravel().tolist()
    [255, 255]
    """

    min_visibility = MIN_VISIBILITY
    whole_batch = False

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
        """Transform a batch of images and their targets.

        Parameters
        ----------
        images : array_like of shape (n, height, width, channels), uint8 or float32
            Or a list of arrays of shape (height, width, channels). Never modified.
        labels : array_like of length n, or list of n arrays, optional
            One label per image, returned as it is; the mixing transforms return probabilities of
            the classes. Or, together with `boxes`, a list of one array per image with one label
            per box; the labels of dropped boxes are dropped.
        boxes : list of n arrays of shape (k, 4), optional
            ``xyxy`` in pixels, measured from the top left corner of the image. Boxes are clipped to
            the image. A box is dropped if less than `min_visibility` of its area is left (0.1
            unless set in `Compose`).
        masks : array_like of integers or bool, shape (n, height, width), optional
            Or a list of arrays of shape (height, width). Resampled with the nearest neighbour, so
            that no new value appears except 0 outside the image.
        keypoints : array_like of shape (n, k, 2), or list of (k, 2), optional
            ``(x, y)`` from the top left corner: the centre of the first pixel is (0.5, 0.5). No
            keypoint is dropped, also outside the image.
        difficult : list of n arrays of bool, shape (k,), optional
            One flag per box; the flags of dropped boxes are dropped.
        indices : array_like of int, shape (n,), optional
            The index of each image in its data set. Default: 0 to n - 1.
        epoch, seed : int
            Change either for other random numbers.
        out : ndarray, optional
            Array for the images. Its shape and dtype must be those of the result.

        Returns
        -------
        ndarray or list, or tuple of them
            The images, or a tuple of the images and the given targets, in the order labels, boxes,
            masks, keypoints, difficult. Images of different sizes are returned as a list.

        Raises
        ------
        ShapeError, DTypeError, ArgumentError
            If an argument is invalid. The message names it.
        """
        batch = Batch.of(images, labels, boxes, masks, keypoints, difficult)
        self.run(batch, batch.key(indices, epoch, seed), out)
        return batch.result()

    def parts(self) -> Sequence[Transform]:
        """Return the transforms to run in order: those of a pipeline, or the transform itself."""
        return (self,)

    def run(self, batch: Batch, key: Key, out: NDArray[Any] | None = None) -> None:
        """Transform a batch, replacing its contents."""
        run(self.parts(), batch, key, out=out, min_visibility=self.min_visibility)

    def random(self, images: Any, **targets: Any) -> Any:
        """Transform a batch with a new random seed in every call, to try a transform out.

        Parameters
        ----------
        images : array_like or list
            As in a call of the transform.
        **targets
            `labels`, `boxes`, `masks`, `keypoints`, `difficult`, `indices` or `out`, as in a call.

        Returns
        -------
        ndarray or list, or tuple of them
            As a call of the transform.

        Examples
        --------
        >>> import numpy as np
        >>> from cnnrs import augment
        >>> x = np.arange(4, dtype=np.uint8).reshape(1, 1, 4, 1)
        >>> flip = augment.RandomHorizontalFlip()
        >>> len({flip(x).tobytes() for _ in range(100)})
        1
        >>> len({flip.random(x).tobytes() for _ in range(100)})
        2
        """
        return self(images, **{"seed": secrets.randbits(SEED_BITS), **targets})

    def lower(self, program: Program) -> None:
        """Add the steps of this transform to the program of a batch."""
        raise NotImplementedError(f"{type(self).__name__} has no `lower`")

    def apply(self, batch: Batch, key: Key, ordinal: int, before: Sequence[Any]) -> int:
        """Transform the whole batch and return the next ordinal, if `whole_batch` is true.

        `before` are the preceding transforms, for those that bring other samples to the same state.
        """
        raise NotImplementedError(f"{type(self).__name__} has no `apply`")

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of the constructor by name, for `repr`."""
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}

    def __repr__(self) -> str:
        own = self.arguments()
        parameters = inspect.signature(type(self)).parameters
        required = [
            name
            for name, parameter in parameters.items()
            if parameter.default is parameter.empty and name in own
        ]
        try:
            defaults = type(self)(**{name: own[name] for name in required}).arguments()
        except Exception:  # a subclass whose attributes are not its arguments
            defaults = {}
        shown = [self._show(own[name]) for name in required]
        shown += [
            f"{name}={self._show(own[name])}"
            for name in own
            if name not in required and not (name in defaults and own[name] == defaults[name])
        ]
        return f"{type(self).__name__}({', '.join(shown)})"

    def _show(self, value: Any) -> str:
        return repr(list(value) if _holds_transforms(value) else value)


class WholeBatch(Transform):
    """Base class of transforms that are not steps of a program: they work on the batch itself."""

    whole_batch = True

    def lower(self, program: Program) -> None:
        """Refuse to be part of a program: these transforms only go directly into a `Compose`."""
        raise ArgumentError(
            f"{type(self).__name__} works on whole batches: put it directly into a Compose, not "
            "into RandomApply or OneOf"
        )


def _holds_transforms(value: Any) -> bool:
    return isinstance(value, tuple) and any(isinstance(item, Transform) for item in value)


def probability(name: str, value: Any) -> float:
    """Check a number from 0 to 1 and return it."""
    return _arguments.number(name, value, 0.0, 1.0)


def fill_value(fill: Any) -> float | tuple[float, ...]:
    """Check a fill value: a number, or one number per channel, returned as a tuple.

    Raises
    ------
    DTypeError, ArgumentError
        If it is anything else.
    """
    if _arguments.is_sequence(fill):
        values = tuple(_arguments.number("fill", value) for value in fill)
        if not values:
            raise DTypeError("fill: expected a number, or one per channel, got an empty sequence")
        return values
    return _arguments.number("fill", fill)


def transforms_of(name: str, transforms: Any) -> tuple[Transform, ...]:
    """Check a sequence of transforms and return it as a tuple.

    Raises
    ------
    DTypeError
        If it is anything else.
    """
    if isinstance(transforms, Transform) or not _arguments.is_sequence(transforms):
        raise DTypeError(f"{name}: expected a sequence of transforms, got {transforms!r}")
    for transform in transforms:
        if not isinstance(transform, Transform):
            raise DTypeError(
                f"{name}: expected transforms of cnnrs.augment, got {transform!r}; wrap a function "
                "in Lambda"
            )
    return tuple(transforms)
