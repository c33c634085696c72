"""Source of images with boxes from a COCO JSON file.

A COCO box ``x y width height`` becomes ``xyxy``. Labels number the categories in the order of their
ids; they are not the ids themselves. Names of image files are relative to the image folder and
cannot lead out of it.
"""

import math
import os
from pathlib import Path
from typing import Any

from cnnrs import _renamed
from cnnrs.data.boxes import Annotation, BoxSource, box_source
from cnnrs.data.image import Size
from cnnrs.data.paths import inside
from cnnrs.errors import FormatError

__all__ = ["from_coco"]


@_renamed.keywords()
def from_coco(
    json: str | os.PathLike[str],
    images: str | os.PathLike[str],
    *,
    size: Size = None,
    mode: str = "rgb",
) -> BoxSource:
    """Return a source of images and boxes from a COCO annotation file.

    Parameters
    ----------
    json : str or path-like
        The annotation file, such as ``instances_train2017.json``.
    images : str or path-like
        The folder of the image files.
    size : int or (height, width), optional
        Resize every image to this size, and scale the boxes.
    mode : {"rgb", "grey", "unchanged"}
        As in `read_image`.

    Returns
    -------
    BoxSource
        As from `from_voc`; ``"difficult"`` holds ``iscrowd``. Images without objects are kept.

    Raises
    ------
    FormatError
        If the file is damaged, an entry misses a value or has one of another type, or a name leads
        out of the folder.
    OSError
        If the file or the folder is not there.

    References
    ----------
    T.-Y. Lin et al., "Microsoft COCO: common objects in context", ECCV 2014.

    Examples
    --------
    >>> source = from_coco("instances_val2017.json", "val2017")            # doctest: +SKIP
    """
    where = os.fspath(json)
    folder = Path(images)
    if not folder.is_dir():
        raise NotADirectoryError(f"images: expected a folder, got {folder}")
    content = _load(where)
    categories = {
        _get(c, "id", int, f"{where}: category {k}"): c
        for k, c in enumerate(_list(content, "categories", where))
    }
    names = {
        key: _get(category, "name", str, f"{where}: category id {key}")
        for key, category in sorted(categories.items())
    }
    pictures: dict[int, Annotation] = {}
    for number, entry in enumerate(_list(content, "images", where)):
        place = f"{where}: image {number}"
        key = _get(entry, "id", int, place)
        if key in pictures:
            raise FormatError(f"{place}: expected a new id, got {key}, which another image has")
        height, width = _get(entry, "height", int, place), _get(entry, "width", int, place)
        file = inside(folder, _get(entry, "file_name", str, place), place)
        pictures[key] = Annotation(
            file, [], [], [], (height, width) if height > 0 and width > 0 else None, place
        )
    for number, entry in enumerate(_list(content, "annotations", where)):
        place = f"{where}: annotation {number}"
        image_id, category_id = (
            _get(entry, "image_id", int, place),
            _get(entry, "category_id", int, place),
        )
        if image_id not in pictures or category_id not in names:
            raise FormatError(
                f"{place}: expected the ids of an image and a category, got image "
                f"{image_id} and category {category_id}"
            )
        x, y, box_width, box_height = _box(_get(entry, "bbox", list, place), place)
        picture = pictures[image_id]
        picture.boxes.append([x, y, x + box_width, y + box_height])
        picture.names.append(names[category_id])
        picture.difficult.append(bool(entry.get("iscrowd", 0)))
    if len(set(names.values())) != len(names):
        raise FormatError(f"{where}: expected different category names, got {list(names.values())}")
    return box_source(list(pictures.values()), tuple(names.values()), size, mode, where)


def _load(where: str) -> dict[str, Any]:
    import json  # here, to keep `import cnnrs` short

    with open(where, "rb") as file:
        try:
            content = json.load(file)
        except (ValueError, RecursionError) as error:
            raise FormatError(f"{where}: expected JSON, got damaged data ({error})") from None
    if not isinstance(content, dict):
        raise FormatError(
            f"{where}: expected a JSON object with images, annotations and categories, got "
            f"{type(content).__name__}"
        )
    return content


def _list(content: dict[str, Any], key: str, where: str) -> list[Any]:
    value = content.get(key)
    if not isinstance(value, list):
        raise FormatError(f"{where}: {key}: expected a list, got {type(value).__name__}")
    return value


def _get(entry: Any, key: str, kind: type, where: str) -> Any:
    value = entry.get(key) if isinstance(entry, dict) else None
    if not isinstance(value, kind) or isinstance(value, bool):
        raise FormatError(f"{where}: {key}: expected {kind.__name__}, got {value!r:.80}")
    return value


def _box(values: list[Any], where: str) -> list[float]:
    good = len(values) == 4 and all(
        isinstance(v, (int, float)) and not isinstance(v, bool) for v in values
    )
    if (
        not good
        or not all(abs(v) < 1e9 and math.isfinite(v) for v in values)
        or values[2] < 0
        or values[3] < 0
    ):
        raise FormatError(f"{where}: bbox: expected [x, y, width, height], got {values!r:.80}")
    return [float(v) for v in values]
