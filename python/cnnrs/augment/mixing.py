"""Base of the transforms that combine several images, and the pieces they share.

The other images are drawn from the whole data set by index. They go through the preceding
transforms of the pipeline, with the same random numbers as at their own index in this epoch. The
result for a sample therefore does not depend on its batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnrs import _arguments, ops
from cnnrs.augment.batch import Batch
from cnnrs.augment.pipeline import run
from cnnrs.augment.program import Key
from cnnrs.augment.transform import MIN_VISIBILITY, WholeBatch, probability
from cnnrs.data import fetch
from cnnrs.errors import ArgumentError, DTypeError, ShapeError

__all__ = ["Beta", "Mixing", "expect_same_shape", "paste", "paste_masks"]

TABLE = 4097  # points at which the distribution function is tabulated


class Mixing(WholeBatch):
    """Base class of transforms that draw other images from a data set and mix the labels.

    Parameters
    ----------
    dataset : source or pair (x, y)
        Source of the other images: anything with ``len`` and ``[i] -> (x, y)``, or a pair of
        arrays. The `indices` of a call refer to it.
    num_classes : int, optional
        Number of columns of the mixed labels. Required if labels are class numbers.
    p : float from 0 to 1
        Probability that a sample is mixed.
    """

    others = 1
    draws = 0

    def __init__(self, dataset: Any, *, num_classes: int | None = None, p: float = 1.0) -> None:
        pair = isinstance(dataset, (tuple, list))
        if pair and (len(dataset) != 2 or len(dataset[0]) != len(dataset[1])):
            raise ShapeError("dataset: expected a pair (x, y) of one length, or a source")
        if not pair and not (hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")):
            raise DTypeError(
                "dataset: expected a source (len and item) or a pair (x, y) of arrays, got "
                f"{type(dataset).__name__}"
            )
        self._dataset = dataset
        self._size = len(dataset[0]) if pair else len(dataset)
        if self._size == 0:
            raise ShapeError("dataset: expected at least one sample, got none")
        self.num_classes = (
            None if num_classes is None else _arguments.integer("num_classes", num_classes, 1)
        )
        self.p = probability("p", p)

    def apply(self, batch: Batch, key: Key, ordinal: int, before: Sequence[Any]) -> int:
        """Mix every chosen sample with other samples of the data set."""
        self.check(batch)
        numbers = ops.augment_uniform(
            key.indices,
            self.others + 1 + self.draws,
            seed=key.seed,
            epoch=key.epoch,
            ordinal=ordinal,
        )
        chosen = np.flatnonzero(numbers[:, 0] < self.p)
        if batch.labels is not None and not batch.box_labels:
            batch.labels = self.soft(batch.labels)
        if len(chosen):
            others = []
            for column in numbers[chosen, 1 : 1 + self.others].T:
                partners = np.floor(column * self._size).astype(np.int64)
                other = self.fetch(partners, batch)
                run(before, other, key.of(partners), min_visibility=MIN_VISIBILITY)
                others.append(other)
            self.mix(batch, others, chosen, numbers[chosen, 1 + self.others :])
        return ordinal + 1

    def check(self, batch: Batch) -> None:
        """Refuse targets that cannot be mixed.

        Raises
        ------
        ArgumentError, ShapeError
            If labels are missing, for boxes and keypoints, or for images of different sizes.
        """
        name = type(self).__name__
        if not isinstance(batch.images, np.ndarray):
            raise ShapeError(f"images: {name} needs images of one size; put Resize before it")
        if batch.keypoints is not None:
            raise ArgumentError(f"keypoints: {name} does not support them")
        if batch.boxes is not None:
            raise ArgumentError(f"boxes: {name} does not support them; use Mosaic")
        if batch.labels is None:
            raise ArgumentError(f"labels: {name} mixes them with the images; pass labels=")

    def mix(
        self,
        batch: Batch,
        others: list[Batch],
        chosen: NDArray[np.int64],
        numbers: NDArray[np.float64],
    ) -> None:
        """Mix the chosen samples of the batch with the others."""
        raise NotImplementedError(f"{type(self).__name__} has no `mix`")

    def soft(self, labels: Any) -> NDArray[Any]:
        """Return labels as probabilities of the classes, ``(n, num_classes)``.

        Raises
        ------
        ArgumentError, ShapeError
            If `num_classes` is missing for class numbers, or a number is outside its range.
        """
        array = np.asarray(labels)
        if array.ndim == 2 and array.dtype.kind == "f":
            return array.copy()
        if self.num_classes is None:
            raise ArgumentError(
                f"num_classes: {type(self).__name__} needs it to convert class numbers"
            )
        shares: NDArray[Any] = ops.one_hot(
            _arguments.integers("labels", array), self.num_classes
        ).astype(np.float32)
        return shares

    def fetch(self, indices: NDArray[np.int64], like: Batch) -> Batch:
        """Return samples of the data set by index, with the kinds of target of a batch."""
        data = self._dataset
        x: Any
        y: Any
        if isinstance(data, (tuple, list)):
            x, y = np.asarray(data[0][indices]), np.asarray(data[1])[indices]
        else:
            x, y = fetch(data, indices, stack=False)
        if like.boxes is not None:
            flags = (
                [one.get("difficult", np.zeros(len(one["boxes"]))) for one in y]
                if like.difficult is not None
                else None
            )
            return Batch.of(
                x,
                labels=[one["labels"] for one in y],
                boxes=[one["boxes"] for one in y],
                difficult=flags,
            )
        if like.masks is not None and like.labels is None:
            return Batch.of(x, masks=y)
        return Batch.of(x, labels=y)

    def arguments(self) -> dict[str, Any]:
        """Return the arguments, with the data set first."""
        return {"dataset": self._dataset, **super().arguments()}

    def _show(self, value: Any) -> str:
        return f"<{self._size} samples>" if value is self._dataset else super()._show(value)


def expect_same_shape(batch: Batch, others: list[Batch]) -> None:
    for other in others:
        if (
            not isinstance(other.images, np.ndarray)
            or other.images.shape[1:] != batch.images.shape[1:]
        ):
            raise ShapeError(
                f"dataset: expected images of shape {batch.images.shape[1:]} as the batch has, "
                "after the same transforms"
            )


class Beta:
    """Symmetric beta distribution, sampled by the inverse of its distribution function.

    In terms of t = x^α the density of the lower half is (1 - t^(1/α))^(α - 1), which is smooth
    for every α.

    Examples
    --------
    >>> import numpy as np
    >>> Beta(1.0).of(np.array([0.0, 0.25, 0.5, 0.75])).round(3).tolist()
    [0.0, 0.25, 0.5, 0.75]
    """

    def __init__(self, alpha: float) -> None:
        self.alpha = alpha
        self._places = np.linspace(0, 0.5**alpha, TABLE)
        density = (1 - self._places ** (1 / alpha)) ** (alpha - 1)
        total = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2)])
        self._shares = total / (2 * total[-1])

    def of(self, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Convert uniform random numbers to numbers of this distribution."""
        lower = np.interp(np.minimum(numbers, 1 - numbers), self._shares, self._places) ** (
            1 / self.alpha
        )
        drawn: NDArray[np.float64] = np.where(numbers < 0.5, lower, 1 - lower)
        return drawn


def paste(
    images: Any, chosen: NDArray[np.int64], parts: list[tuple[Any, NDArray[np.int64]]]
) -> NDArray[Any]:
    mixed: NDArray[Any] = images.copy()
    target = np.ascontiguousarray(mixed[chosen])
    for source, rectangles in parts:
        ops.augment_paste(source, target, rectangles)
    mixed[chosen] = target
    return mixed


def paste_masks(
    masks: Any, chosen: NDArray[np.int64], parts: list[tuple[Any, NDArray[np.int64]]]
) -> NDArray[Any]:
    mixed: NDArray[Any] = masks.copy()
    for source, rectangles in parts:
        for place, (top, left, rows, columns, source_top, source_left) in enumerate(rectangles):
            part = source[
                place, source_top : source_top + rows, source_left : source_left + columns
            ]
            mixed[chosen[place], top : top + rows, left : left + columns] = part
    return mixed
