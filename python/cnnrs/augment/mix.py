"""Several images made one: MixUp, CutMix and Mosaic.

The other images are drawn from the whole data set by index, and go through the transforms that
stand before in the pipeline, just as they would at their own place in this epoch: what becomes of a
sample does not depend on its batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnrs import _arguments, ops
from cnnrs.augment.batch import Batch
from cnnrs.augment.pipeline import WholeBatch, run
from cnnrs.augment.program import Key
from cnnrs.augment.transform import MIN_VISIBILITY, Transform, probability
from cnnrs.data import fetch
from cnnrs.errors import ArgumentError, DTypeError, ShapeError

__all__ = ["CutMix", "MixUp", "Mixing", "Mosaic"]

TABLE = 4097  # places at which a distribution is tabulated


class Mixing(WholeBatch):
    """Base class: a data set to draw from, and how labels are mixed.

    Parameters
    ----------
    dataset : source or pair (x, y)
        Where the other images come from: anything with ``len`` and ``[i] -> (x, y)``, or a pair of
        arrays. Its indices are those that the call is given.
    num_classes : int, optional
        Columns of the mixed labels; needed where labels are class numbers.
    p : float from 0 to 1
        Share of the samples that are mixed.
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
            raise ShapeError("dataset: it holds no samples")
        self.num_classes = (
            None if num_classes is None else _arguments.integer("num_classes", num_classes, 1)
        )
        self.p = probability("p", p)

    def apply(self, batch: Batch, key: Key, ordinal: int, before: Sequence[Transform]) -> int:
        """Mix every chosen sample with others of the data set."""
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
        """Refuses what cannot be mixed.

        Raises
        ------
        ArgumentError, ShapeError
            For absent labels, boxes and keypoints, or images of different sizes.
        """
        name = type(self).__name__
        if not isinstance(batch.images, np.ndarray):
            raise ShapeError(f"images: {name} needs images of one size; resize them before")
        if batch.keypoints is not None:
            raise ArgumentError(f"keypoints: {name} has no meaning for them")
        if batch.boxes is not None:
            raise ArgumentError(
                f"boxes: {name} would show objects in part; Mosaic mixes images with boxes"
            )
        if batch.labels is None:
            raise ArgumentError(f"labels: {name} mixes them with the images: pass labels=")

    def mix(
        self,
        batch: Batch,
        others: list[Batch],
        chosen: NDArray[np.int64],
        numbers: NDArray[np.float64],
    ) -> None:
        """Change the chosen samples of the batch."""
        raise NotImplementedError(f"{type(self).__name__} has no `mix`")

    def soft(self, labels: Any) -> NDArray[Any]:
        """Labels as shares of the classes, ``(n, num_classes)``; such labels stay.

        Raises
        ------
        ArgumentError, ShapeError
            For class numbers without `num_classes`, or outside it.
        """
        array = np.asarray(labels)
        if array.ndim == 2 and array.dtype.kind == "f":
            return array.copy()
        if self.num_classes is None:
            raise ArgumentError(
                f"num_classes: {type(self).__name__} needs it to turn class numbers into shares"
            )
        shares: NDArray[Any] = ops.one_hot(
            _arguments.integers("labels", array), self.num_classes
        ).astype(np.float32)
        return shares

    def fetch(self, indices: NDArray[np.int64], like: Batch) -> Batch:
        """The samples of the data set at some indices, with what the batch has."""
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
        """All but the data set."""
        return {"dataset": f"<{self._size} samples>", **super().arguments()}


def _same_shape(batch: Batch, others: list[Batch]) -> None:
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
    """The symmetric beta distribution, by the inverse of its distribution function.

    With t = x^α the density of the lower half is (1 - t^(1/α))^(α - 1), which is smooth however
    small α is.

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
        """Numbers of the distribution out of uniform ones."""
        lower = np.interp(np.minimum(numbers, 1 - numbers), self._shares, self._places) ** (
            1 / self.alpha
        )
        drawn: NDArray[np.float64] = np.where(numbers < 0.5, lower, 1 - lower)
        return drawn


class MixUp(Mixing):
    """``λ · image + (1 - λ) · another``, the labels alike; λ is drawn from the beta distribution of
    α and α.

    Parameters
    ----------
    dataset : source or pair (x, y)
        Where the other image comes from; see `Mixing`.
    alpha : float above 0
        1 is uniform; the smaller, the nearer to one of the two.
    num_classes : int, optional
        Needed where labels are class numbers. Labels come out as shares, float32 ``(n,
        num_classes)``.
    p : float from 0 to 1

    References
    ----------
    H. Zhang et al., "mixup: beyond empirical risk minimization", ICLR 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import augment
    >>> x, y = np.zeros((4, 2, 2, 1), np.uint8), np.array([0, 1, 2, 1])
    >>> mixed, shares = augment.MixUp((x, y), num_classes=3)(x[:2], labels=y[:2], indices=[0, 1])
    >>> shares.shape, bool(np.allclose(shares.sum(axis=1), 1))
    ((2, 3), True)
    """

    draws = 1

    def __init__(
        self, dataset: Any, *, alpha: float = 1.0, num_classes: int | None = None, p: float = 1.0
    ) -> None:
        super().__init__(dataset, num_classes=num_classes, p=p)
        self.alpha = _arguments.number("alpha", alpha, 1e-3, 1e3)
        self._beta = Beta(self.alpha)

    def check(self, batch: Batch) -> None:
        """Masks cannot be blended."""
        super().check(batch)
        if batch.masks is not None:
            raise ArgumentError("masks: MixUp has no meaning for them; CutMix has")

    def mix(
        self,
        batch: Batch,
        others: list[Batch],
        chosen: NDArray[np.int64],
        numbers: NDArray[np.float64],
    ) -> None:
        """Blend images and labels."""
        (other,) = others
        _same_shape(batch, others)
        share = self._beta.of(numbers[:, 0])
        batch.images = batch.images.copy()
        batch.images[chosen] = ops.augment_blend(batch.images[chosen], other.images, share)
        column = share[:, None].astype(np.float32)
        batch.labels[chosen] = column * batch.labels[chosen] + (1 - column) * self.soft(
            other.labels
        )


class CutMix(Mixing):
    """A rectangle of another image is put in at its place; labels are mixed by area.

    Parameters
    ----------
    dataset : source or pair (x, y)
        Where the other image comes from; see `Mixing`.
    alpha : float above 0
        The share of the area that stays is drawn from the beta distribution of α and α.
    num_classes : int, optional
        Needed where labels are class numbers. Labels come out as shares, float32 ``(n,
        num_classes)``.
    p : float from 0 to 1

    Notes
    -----
    Masks get the same rectangle, if the targets of the data set are masks.

    References
    ----------
    S. Yun et al., "CutMix", ICCV 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import augment
    >>> x, y = np.stack([np.zeros((8, 8, 1)), np.ones((8, 8, 1))]).astype(np.uint8), np.array([0, 1])
    >>> mixed, shares = augment.CutMix((x, y), num_classes=2)(x, labels=y, seed=3)
    >>> bool(np.allclose(mixed.mean(axis=(1, 2, 3)), shares[:, 1]))
    True
    """

    draws = 3

    def __init__(
        self, dataset: Any, *, alpha: float = 1.0, num_classes: int | None = None, p: float = 1.0
    ) -> None:
        super().__init__(dataset, num_classes=num_classes, p=p)
        self.alpha = _arguments.number("alpha", alpha, 1e-3, 1e3)
        self._beta = Beta(self.alpha)

    def check(self, batch: Batch) -> None:
        """Masks may stand for labels."""
        if (
            batch.masks is None
            or batch.labels is not None
            or batch.boxes is not None
            or batch.keypoints is not None
        ):
            super().check(batch)
            if batch.masks is not None:
                raise ArgumentError(
                    "masks: CutMix takes labels or masks, as the data set has one of them"
                )

    def mix(
        self,
        batch: Batch,
        others: list[Batch],
        chosen: NDArray[np.int64],
        numbers: NDArray[np.float64],
    ) -> None:
        """Paste a rectangle, and mix the labels by what it covers."""
        (other,) = others
        _same_shape(batch, others)
        _, height, width, _ = batch.images.shape
        side = np.sqrt(1 - self._beta.of(numbers[:, 0]))
        bounds = []
        for axis, length in enumerate((height, width)):
            middle, half = np.floor(numbers[:, 1 + axis] * length), np.floor(side * length) // 2
            bounds.append(
                np.clip(np.stack([middle - half, middle + half]), 0, length).astype(np.int64)
            )
        (top, bottom), (left, right) = bounds
        rectangles = np.stack([top, left, bottom - top, right - left, top, left], axis=1)
        batch.images = _paste(batch.images, chosen, [(other.images, rectangles)])
        if batch.masks is not None:
            batch.masks = _paste_masks(batch.masks, chosen, [(other.masks, rectangles)])
        if batch.labels is not None:
            covered = ((bottom - top) * (right - left) / (height * width))[:, None].astype(
                np.float32
            )
            batch.labels[chosen] = (1 - covered) * batch.labels[chosen] + covered * self.soft(
                other.labels
            )


class Mosaic(Mixing):
    """Four images around a random point: the sample above and left of it, three others in the other
    quarters.

    Each shows the corner that faces the point, at its own scale; the point lies in the middle half
    of the image. Boxes are clipped to their quarter, and dropped where too little is left; without
    boxes, labels are mixed by area.

    Parameters
    ----------
    dataset : source or pair (x, y)
        Where the other images come from; see `Mixing`. With boxes a source whose targets are dicts
        of "boxes" and "labels".
    num_classes : int, optional
        Needed where labels are class numbers, one per image.
    p : float from 0 to 1
    min_visibility : float from 0 to 1
        A box of which less than this share of the area is left is dropped.

    References
    ----------
    A. Bochkovskiy, C. Wang & H. Liao, "YOLOv4", 2020.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import augment
    >>> x, y = np.zeros((4, 8, 8, 3), np.uint8), np.array([0, 1, 2, 1])
    >>> mixed, shares = augment.Mosaic((x, y), num_classes=3)(x[:2], labels=y[:2])
    >>> mixed.shape, bool(np.allclose(shares.sum(axis=1), 1))
    ((2, 8, 8, 3), True)
    """

    others = 3
    draws = 2

    def __init__(
        self,
        dataset: Any,
        *,
        num_classes: int | None = None,
        p: float = 1.0,
        min_visibility: float = MIN_VISIBILITY,
    ) -> None:
        super().__init__(dataset, num_classes=num_classes, p=p)
        self.min_visibility = probability("min_visibility", min_visibility)

    def check(self, batch: Batch) -> None:
        """Boxes need labels of their own; masks may stand alone."""
        if not isinstance(batch.images, np.ndarray):
            raise ShapeError("images: Mosaic needs images of one size; resize them before")
        if batch.keypoints is not None:
            raise ArgumentError("keypoints: Mosaic has no meaning for them")
        if batch.boxes is not None and not batch.box_labels:
            raise ArgumentError(
                "labels: with boxes, Mosaic needs a list with one label for each box"
            )
        if batch.boxes is None and batch.labels is None and batch.masks is None:
            raise ArgumentError(
                "labels: Mosaic mixes them with the images: pass labels=, boxes= and labels=, or "
                "masks="
            )
        if batch.masks is not None and batch.labels is not None:
            raise ArgumentError("masks: Mosaic takes one kind of target, as the data set has one")

    def mix(
        self,
        batch: Batch,
        others: list[Batch],
        chosen: NDArray[np.int64],
        numbers: NDArray[np.float64],
    ) -> None:
        """Put the quarters together."""
        _same_shape(batch, others)
        _, height, width, _ = batch.images.shape
        y = np.floor((0.25 + numbers[:, 0] / 2) * height).astype(np.int64)
        x = np.floor((0.25 + numbers[:, 1] / 2) * width).astype(np.int64)
        zero = np.zeros_like(x)
        quarters = [
            np.stack(columns, axis=1)
            for columns in (
                (zero, zero, y, x, height - y, width - x),
                (zero, x, y, width - x, height - y, zero),
                (y, zero, height - y, x, zero, width - x),
                (y, x, height - y, width - x, zero, zero),
            )
        ]
        first = batch.images[chosen]
        batch.images = _paste(
            batch.images,
            chosen,
            list(zip([first, *(other.images for other in others)], quarters, strict=True)),
        )
        if batch.masks is not None:
            masks = [batch.masks[chosen], *(other.masks for other in others)]
            batch.masks = _paste_masks(batch.masks, chosen, list(zip(masks, quarters, strict=True)))
        if batch.boxes is not None:
            self._mix_boxes(batch, others, chosen, quarters)
        elif batch.labels is not None:
            shares = [
                (quarter[:, 2] * quarter[:, 3] / (height * width))[:, None].astype(np.float32)
                for quarter in quarters
            ]
            labels = [batch.labels[chosen], *(self.soft(other.labels) for other in others)]
            batch.labels[chosen] = np.sum(
                [share * label for share, label in zip(shares, labels, strict=True)], axis=0
            )

    def _mix_boxes(
        self,
        batch: Batch,
        others: list[Batch],
        chosen: NDArray[np.int64],
        quarters: list[NDArray[np.int64]],
    ) -> None:
        assert batch.boxes is not None
        for place, sample in enumerate(chosen):
            boxes, labels, flags = [], [], []
            sources = [(batch, int(sample)), *((other, place) for other in others)]
            for (source, row), quarter in zip(sources, quarters, strict=True):
                assert source.boxes is not None
                top, left, rows, columns, source_top, source_left = quarter[place]
                box = source.boxes[row]
                moved = box + np.array([left - source_left, top - source_top] * 2, dtype=box.dtype)
                clipped = np.clip(
                    moved, np.array([left, top] * 2), np.array([left + columns, top + rows] * 2)
                ).astype(box.dtype)
                area, left_of_it = (
                    (side[:, 2] - side[:, 0]) * (side[:, 3] - side[:, 1])
                    for side in (moved, clipped)
                )
                share = np.where(
                    area > 0,
                    left_of_it / np.where(area > 0, area, 1),
                    (clipped == moved).all(axis=1),
                )
                kept = share >= self.min_visibility
                boxes.append(clipped[kept])
                labels.append(source.labels[row][kept])
                flags += [] if source.difficult is None else [source.difficult[row][kept]]
            batch.boxes[sample] = np.concatenate(boxes)
            batch.labels[sample] = np.concatenate(labels)
            if batch.difficult is not None:
                batch.difficult[sample] = np.concatenate(flags)


def _paste(
    images: Any, chosen: NDArray[np.int64], parts: list[tuple[Any, NDArray[np.int64]]]
) -> NDArray[Any]:
    mixed: NDArray[Any] = images.copy()
    target = np.ascontiguousarray(mixed[chosen])
    for source, rectangles in parts:
        ops.augment_paste(source, target, rectangles)
    mixed[chosen] = target
    return mixed


def _paste_masks(
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
