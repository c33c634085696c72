"""Transforms that combine several images into one: MixUp, CutMix and Mosaic."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnrs import _arguments, ops
from cnnrs.augment.batch import Batch
from cnnrs.augment.mixing import Beta, Mixing, expect_same_shape, paste, paste_masks
from cnnrs.augment.transform import MIN_VISIBILITY, probability
from cnnrs.errors import ArgumentError, ShapeError

__all__ = ["CutMix", "MixUp", "Mosaic"]


class MixUp(Mixing):
    """Blend each image and its label with another: ``λ · image + (1 - λ) · other``.

    λ is drawn from the beta distribution with both parameters equal to `alpha`.

    Parameters
    ----------
    dataset : source or pair (x, y)
        Source of the other image; see `Mixing`.
    alpha : float above 0
        1 draws λ uniformly; smaller values draw it closer to 0 or 1.
    num_classes : int, optional
        Required if labels are class numbers. Labels are returned as probabilities, float32 of
        shape ``(n, num_classes)``.
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
        """Refuse masks, which cannot be blended."""
        super().check(batch)
        if batch.masks is not None:
            raise ArgumentError("masks: MixUp does not support them; use CutMix")

    def mix(
        self,
        batch: Batch,
        others: list[Batch],
        chosen: NDArray[np.int64],
        numbers: NDArray[np.float64],
    ) -> None:
        """Blend images and labels."""
        (other,) = others
        expect_same_shape(batch, others)
        share = self._beta.of(numbers[:, 0])
        batch.images = batch.images.copy()
        batch.images[chosen] = ops.augment_blend(batch.images[chosen], other.images, share)
        column = share[:, None].astype(np.float32)
        batch.labels[chosen] = column * batch.labels[chosen] + (1 - column) * self.soft(
            other.labels
        )


class CutMix(Mixing):
    """Replace a rectangle of each image by that part of another, and mix the labels by area.

    Parameters
    ----------
    dataset : source or pair (x, y)
        Source of the other image; see `Mixing`.
    alpha : float above 0
        The fraction of the image that is kept is drawn from the beta distribution with both
        parameters equal to `alpha`.
    num_classes : int, optional
        Required if labels are class numbers. Labels are returned as probabilities, float32 of
        shape ``(n, num_classes)``.
    p : float from 0 to 1

    Notes
    -----
    If the targets of the data set are masks, the same rectangle of the masks is replaced.

    References
    ----------
    S. Yun et al., "CutMix", ICCV 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import augment
    >>> x = np.stack([np.zeros((8, 8, 1)), np.ones((8, 8, 1))]).astype(np.uint8)
    >>> y = np.array([0, 1])
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
        """Accept masks in place of labels."""
        if (
            batch.masks is None
            or batch.labels is not None
            or batch.boxes is not None
            or batch.keypoints is not None
        ):
            super().check(batch)
            if batch.masks is not None:
                raise ArgumentError("masks: expected either masks or labels with CutMix, got both")

    def mix(
        self,
        batch: Batch,
        others: list[Batch],
        chosen: NDArray[np.int64],
        numbers: NDArray[np.float64],
    ) -> None:
        """Paste a rectangle and mix the labels by its area."""
        (other,) = others
        expect_same_shape(batch, others)
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
        batch.images = paste(batch.images, chosen, [(other.images, rectangles)])
        if batch.masks is not None:
            batch.masks = paste_masks(batch.masks, chosen, [(other.masks, rectangles)])
        if batch.labels is not None:
            covered = ((bottom - top) * (right - left) / (height * width))[:, None].astype(
                np.float32
            )
            batch.labels[chosen] = (1 - covered) * batch.labels[chosen] + covered * self.soft(
                other.labels
            )


class Mosaic(Mixing):
    """Combine four images around a random point: the sample top left, three others in the other
    quarters.

    The point is in the middle half of the image. Each quarter shows the opposite corner of its
    image, at the original scale. Boxes are clipped to their quarter, and dropped if too little is
    left. Without boxes, labels are mixed by area.

    Parameters
    ----------
    dataset : source or pair (x, y)
        Source of the other images; see `Mixing`. For boxes, a source whose targets are dicts
        of "boxes" and "labels".
    num_classes : int, optional
        Required if labels are class numbers, one per image.
    p : float from 0 to 1
    min_visibility : float from 0 to 1
        A box is dropped if less than this fraction of its area is left.

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
        """Refuse boxes without a label for each box; accept masks without labels."""
        if not isinstance(batch.images, np.ndarray):
            raise ShapeError("images: Mosaic needs images of one size; put Resize before it")
        if batch.keypoints is not None:
            raise ArgumentError("keypoints: Mosaic does not support them")
        if batch.boxes is not None and not batch.box_labels:
            raise ArgumentError(
                "labels: with boxes, Mosaic needs a list with one label for each box"
            )
        if batch.boxes is None and batch.labels is None and batch.masks is None:
            raise ArgumentError(
                "labels: Mosaic mixes them with the images; pass labels=, boxes= and labels=, or "
                "masks="
            )
        if batch.masks is not None and batch.labels is not None:
            raise ArgumentError("masks: expected either masks or labels with Mosaic, got both")

    def mix(
        self,
        batch: Batch,
        others: list[Batch],
        chosen: NDArray[np.int64],
        numbers: NDArray[np.float64],
    ) -> None:
        """Combine the four quarters."""
        expect_same_shape(batch, others)
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
        batch.images = paste(
            batch.images,
            chosen,
            list(zip([first, *(other.images for other in others)], quarters, strict=True)),
        )
        if batch.masks is not None:
            masks = [batch.masks[chosen], *(other.masks for other in others)]
            batch.masks = paste_masks(batch.masks, chosen, list(zip(masks, quarters, strict=True)))
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
