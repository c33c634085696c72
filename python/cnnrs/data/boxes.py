"""Sources of images with boxes, from any annotation format.

A target is a dict of ``"boxes"``, float32 of shape (n, 4), ``xyxy`` in pixels; ``"labels"``, int64
of shape (n,); and ``"difficult"``, bool of shape (n,), which marks VOC objects that are hard to see
and COCO crowds. Boxes of zero size are kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from cnnrs import _arguments
from cnnrs.data.image import MODES, Size, image_size, read_image
from cnnrs.data.source import FileSource
from cnnrs.errors import ArgumentError, FormatError

__all__ = ["Annotation", "BoxSource", "BoxTarget", "box_source"]


class BoxTarget(TypedDict):
    """The objects of one image.

    Attributes
    ----------
    boxes : ndarray of shape (k, 4), float32
        Corners ``x1, y1, x2, y2`` in pixels.
    labels : ndarray of shape (k,), int64
        The class of each object.
    difficult : ndarray of shape (k,), bool
        Objects that an evaluation may leave out.

    Examples
    --------
    >>> target: BoxTarget = {
    ...     "boxes": np.array([[0, 0, 5, 7]], np.float32),
    ...     "labels": np.array([2]),
    ...     "difficult": np.array([False]),
    ... }
    >>> len(target["boxes"])
    1
    """

    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]
    difficult: NDArray[np.bool_]


@dataclass(frozen=True)
class Annotation:
    """Annotation of one image: its boxes, and its size ``(height, width)`` if the file has it."""

    image: Path
    boxes: list[list[float]]
    names: list[str]
    difficult: list[bool]
    size: tuple[int, int] | None
    where: str


class BoxSource(FileSource):
    """Images with boxes; returned by `from_voc` and `from_coco`.

    Parameters
    ----------
    annotations : sequence of Annotation
        One for each image.
    targets : sequence of BoxTarget
        The boxes of every image, in pixels of the image file.
    class_names : tuple of str
        The name of each label.
    size : (height, width) or None
        Size that every image is resized to.
    mode : {"rgb", "grey", "unchanged"}
        As in `read_image`.

    Attributes
    ----------
    paths : tuple of Path
        The image files.

    Examples
    --------
    >>> import json, pathlib, tempfile
    >>> from cnnrs.data import from_coco
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "a.pgm").write_bytes(b"P5 2 1 255 " + bytes([0, 255]))
    >>> _ = (folder / "boxes.json").write_text(json.dumps({
    ...     "images": [{"id": 1, "file_name": "a.pgm", "height": 1, "width": 2}],
    ...     "categories": [{"id": 7, "name": "cat"}],
    ...     "annotations": [{"image_id": 1, "category_id": 7, "bbox": [1, 0, 1, 1], "iscrowd": 0}],
    ... }))
    >>> source = from_coco(folder / "boxes.json", folder)
    >>> source, source[0][1]["boxes"].tolist()
    (BoxSource(1 images, 1 boxes, 1 classes), [[1.0, 0.0, 2.0, 1.0]])
    """

    target = "boxes"

    def __init__(
        self,
        annotations: Sequence[Annotation],
        targets: Sequence[BoxTarget],
        class_names: tuple[str, ...],
        size: tuple[int, int] | None,
        mode: str,
    ) -> None:
        self.annotations = tuple(annotations)
        self.targets = tuple(targets)
        self.class_names = class_names
        self.paths = tuple(annotation.image for annotation in annotations)
        self.size = size
        self.mode = mode

    def __len__(self) -> int:
        return len(self.paths)

    def __repr__(self) -> str:
        boxes = sum(len(target["labels"]) for target in self.targets)
        return f"BoxSource({len(self)} images, {boxes} boxes, {len(self.class_names)} classes)"

    def describe(self, index: int) -> str:
        """Return the path of the image at `index`."""
        return str(self.paths[index])

    def read(self, index: int) -> tuple[NDArray[np.uint8], BoxTarget]:
        """Return the image and its boxes at `index`."""
        height, width = image_size(self.paths[index])
        stated = self.annotations[index].size
        if stated is not None and stated != (height, width):
            raise FormatError(
                f"{self.annotations[index].where}: expected {self.paths[index].name} of size "
                f"{stated[0]}x{stated[1]} (height x width), got {height}x{width}; the boxes belong "
                "to another image"
            )
        stored = self.targets[index]
        image = read_image(self.paths[index], self.mode, size=self.size)
        boxes = stored["boxes"].copy()
        if self.size is not None:
            scale = np.array([self.size[1] / width, self.size[0] / height] * 2)
            boxes = (boxes * scale).astype(np.float32)
        return image, {
            "boxes": boxes,
            "labels": stored["labels"].copy(),
            "difficult": stored["difficult"].copy(),
        }


def box_source(
    annotations: Sequence[Annotation],
    class_names: tuple[str, ...] | None,
    size: Size,
    mode: str,
    where: str,
) -> BoxSource:
    """Return a source of annotated images.

    With `class_names` None the classes are the names that occur, sorted.
    """
    pair = _arguments.optional_pair("size", size)
    _arguments.choice("mode", mode, MODES)
    if not annotations:
        raise FormatError(f"{where}: expected annotated images, got none")
    if class_names is None:
        class_names = tuple(
            sorted({name for annotation in annotations for name in annotation.names})
        )
    class_names = tuple(class_names)
    if len(set(class_names)) != len(class_names):
        raise ArgumentError(f"class_names: expected different names, got {list(class_names)}")
    number = {name: label for label, name in enumerate(class_names)}
    targets: list[BoxTarget] = []
    for annotation in annotations:
        unknown = [name for name in annotation.names if name not in number]
        if unknown:
            raise FormatError(
                f"{annotation.where}: expected a class among {', '.join(class_names)}, got "
                f"{unknown[0]!r}"
            )
        targets.append(
            {
                "boxes": np.array(annotation.boxes, dtype=np.float32).reshape(-1, 4),
                "labels": np.array([number[name] for name in annotation.names], dtype=np.int64),
                "difficult": np.array(annotation.difficult, dtype=np.bool_),
            }
        )
    return BoxSource(annotations, targets, class_names, pair, mode)
