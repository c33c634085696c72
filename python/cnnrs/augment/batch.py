"""Batch of images and their targets on its way through a pipeline, checked once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnrs import _arguments, ops
from cnnrs.augment.program import Key
from cnnrs.errors import ArgumentError, DTypeError, ShapeError

__all__ = ["Batch"]

LARGEST_MASK_VALUE = 2**24  # exact in float32


class Batch:
    """Images, labels, boxes, masks, keypoints and box flags; None if not given."""

    def __init__(self, images: Any) -> None:
        self.images: Any = images
        self.labels: Any = None
        self.boxes: list[NDArray[Any]] | None = None
        self.masks: Any = None
        self.keypoints: Any = None
        self.difficult: list[NDArray[np.bool_]] | None = None
        self.box_labels = False

    @classmethod
    def of(
        cls,
        images: Any,
        labels: Any = None,
        boxes: Any = None,
        masks: Any = None,
        keypoints: Any = None,
        difficult: Any = None,
    ) -> Batch:
        """Check the arguments of a call and return them as a batch."""
        batch = cls(ops.augment_images("images", images))
        count = len(batch.images)
        if boxes is not None:
            batch.boxes = [
                _points(f"boxes[{i}]", array, 4, "(k, 4)")
                for i, array in enumerate(_per_image("boxes", boxes, count))
            ]
        if keypoints is not None:
            points = [
                _points(f"keypoints[{i}]", array, 2, "(k, 2)")
                for i, array in enumerate(_per_image("keypoints", keypoints, count))
            ]
            batch.keypoints = (
                np.stack(points) if isinstance(keypoints, np.ndarray) and points else points
            )
        if masks is not None:
            batch.masks = _masks(masks, batch.images)
        if labels is not None:
            batch.labels, batch.box_labels = _labels(labels, batch.boxes, count)
        if difficult is not None:
            batch.difficult = _flags(difficult, batch.boxes, count)
        return batch

    def keep_boxes(self, kept: list[NDArray[np.bool_]]) -> None:
        """Drop the labels and flags of dropped boxes."""
        if self.box_labels:
            self.labels = [labels[keep] for labels, keep in zip(self.labels, kept, strict=True)]
        if self.difficult is not None:
            self.difficult = [flags[keep] for flags, keep in zip(self.difficult, kept, strict=True)]

    def __len__(self) -> int:
        return len(self.images)

    def key(self, indices: Any, epoch: int, seed: int) -> Key:
        """Return the key that the random numbers of this batch depend on."""
        places = (
            np.arange(len(self), dtype=np.int64)
            if indices is None
            else _arguments.integers("indices", indices)
        )
        if places.shape != (len(self),):
            raise ShapeError(
                f"indices: expected shape ({len(self)},), one for each image, got {places.shape}"
            )
        return Key(
            _arguments.counter("seed", seed, 64), _arguments.counter("epoch", epoch, 32), places
        )

    def sizes(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the heights and widths of the images."""
        if isinstance(self.images, np.ndarray):
            count, height, width, _ = self.images.shape
            return np.full(count, height, np.int64), np.full(count, width, np.int64)
        pairs = np.array([image.shape[:2] for image in self.images], dtype=np.int64).reshape(-1, 2)
        return np.ascontiguousarray(pairs[:, 0]), np.ascontiguousarray(pairs[:, 1])

    def channels(self) -> int:
        """Return the number of channels, which is the same for all images.

        Raises
        ------
        ShapeError
            If the images differ in their number of channels.
        """
        if isinstance(self.images, np.ndarray):
            return int(self.images.shape[-1])
        numbers = {image.shape[-1] for image in self.images}
        if len(numbers) > 1:
            raise ShapeError(
                f"images: expected one number of channels for all, got {sorted(numbers)}"
            )
        return int(numbers.pop()) if numbers else 0

    def floating(self) -> bool:
        """Return whether the values are floats."""
        first = (
            self.images
            if isinstance(self.images, np.ndarray)
            else self.images[0]
            if len(self)
            else np.zeros(0, np.uint8)
        )
        return bool(first.dtype == np.float32)

    def result(self) -> Any:
        """Return the images, or a tuple of the images and the given targets."""
        given = [
            value
            for value in (self.labels, self.boxes, self.masks, self.keypoints, self.difficult)
            if value is not None
        ]
        return (self.images, *given) if given else self.images


def _per_image(name: str, values: Any, count: int) -> Any:
    if not _arguments.is_sequence(values):
        raise DTypeError(
            f"{name}: expected a list with one array for each image, got {type(values).__name__}"
        )
    if len(values) != count:
        raise ShapeError(f"{name}: expected {count} entries, one for each image, got {len(values)}")
    return values


def _points(name: str, value: Any, width: int, axes: str) -> NDArray[Any]:
    array = _arguments.as_array(name, value)
    if array.size == 0 and array.ndim <= 2:
        array = array.reshape(0, width)
    if array.ndim != 2 or array.shape[1] != width:
        raise ShapeError(f"{name}: expected shape {axes}, got {array.shape}")
    if array.dtype.kind not in "fiu":
        raise DTypeError(f"{name}: expected numbers, got {array.dtype}")
    array = array.astype(array.dtype if array.dtype.kind == "f" else np.float32)
    if not np.isfinite(array).all():
        raise ArgumentError(f"{name}: expected finite numbers")
    return array


def _masks(masks: Any, images: Any) -> Any:
    arrays = [
        _arguments.as_array(f"masks[{i}]", mask)
        for i, mask in enumerate(_per_image("masks", masks, len(images)))
    ]
    for i, (mask, image) in enumerate(zip(arrays, images, strict=True)):
        if mask.dtype.kind not in "biu":
            raise DTypeError(f"masks[{i}]: expected integers or bool, got {mask.dtype}")
        if mask.shape not in (image.shape[:2], (*image.shape[:2], 1)):
            raise ShapeError(
                f"masks[{i}]: expected the size of its image {image.shape[:2]}, got {mask.shape}"
            )
        if mask.dtype.itemsize > 2 and (
            int(mask.max()) > LARGEST_MASK_VALUE or int(mask.min()) < -LARGEST_MASK_VALUE
        ):
            raise ArgumentError(
                f"masks[{i}]: expected values of at most {LARGEST_MASK_VALUE}, got {mask.min()} to "
                f"{mask.max()}"
            )
    same = isinstance(masks, np.ndarray) or (
        isinstance(images, np.ndarray) and len({(a.dtype, a.shape) for a in arrays}) == 1
    )
    return (
        np.asarray(masks) if isinstance(masks, np.ndarray) else np.stack(arrays) if same else arrays
    )


def _labels(labels: Any, boxes: list[NDArray[Any]] | None, count: int) -> tuple[Any, bool]:
    _per_image("labels", labels, count)
    if boxes is None or isinstance(labels, np.ndarray):
        return (
            labels if isinstance(labels, np.ndarray) else _arguments.as_array("labels", labels)
        ), False
    arrays = [_arguments.as_array(f"labels[{i}]", one) for i, one in enumerate(labels)]
    if all(array.ndim == 0 for array in arrays):
        return _arguments.as_array("labels", labels), False
    for i, (array, box) in enumerate(zip(arrays, boxes, strict=True)):
        if array.ndim == 0 or len(array) != len(box):
            raise ShapeError(
                f"labels[{i}]: expected {len(box)} labels, one for each box, got shape "
                f"{array.shape}"
            )
    return arrays, True


def _flags(difficult: Any, boxes: list[NDArray[Any]] | None, count: int) -> list[NDArray[np.bool_]]:
    if boxes is None:
        raise ArgumentError("difficult: expected boxes= with it, got none")
    arrays = [
        _arguments.as_array(f"difficult[{i}]", one)
        for i, one in enumerate(_per_image("difficult", difficult, count))
    ]
    for i, (array, box) in enumerate(zip(arrays, boxes, strict=True)):
        if array.shape != (len(box),):
            raise ShapeError(
                f"difficult[{i}]: expected {len(box)} flags, one for each box, got shape "
                f"{array.shape}"
            )
    return [array.astype(np.bool_) for array in arrays]
