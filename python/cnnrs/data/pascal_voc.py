"""Source of images with boxes from Pascal VOC annotation files, one XML file per image.

Layout: ``Annotations/*.xml``, ``JPEGImages/``, and the splits in ``ImageSets/Main/<split>.txt``.
Boxes are read as written, ``xmin ymin xmax ymax`` in pixels, including boxes of zero size. XML with
a document type, and therefore with entities, is refused. The ``path`` of an annotation is not used,
and its ``filename`` cannot lead out of the image folder.
"""

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from cnnrs import _renamed
from cnnrs.data.boxes import Annotation, BoxSource, box_source
from cnnrs.data.image import IMAGE_SUFFIXES, Size
from cnnrs.data.paths import inside
from cnnrs.errors import ArgumentError, FormatError

if TYPE_CHECKING:
    from xml.etree import ElementTree

__all__ = ["from_voc"]

MAX_XML_BYTES = 1 << 24


@_renamed.keywords()
def from_voc(
    path: str | os.PathLike[str],
    split: str | None = None,
    *,
    size: Size = None,
    mode: str = "rgb",
    class_names: tuple[str, ...] | None = None,
) -> BoxSource:
    """Return a source of images and boxes from a folder in the layout of Pascal VOC.

    Parameters
    ----------
    path : str or path-like
        The folder that holds ``Annotations`` and ``JPEGImages``.
    split : str, optional
        A name such as ``"train"``, for the images in ``ImageSets/Main/train.txt``. By default all
        annotations.
    size : int or (height, width), optional
        Resize every image to this size, and scale the boxes.
    mode : {"rgb", "grey", "unchanged"}
        As in `read_image`.
    class_names : tuple of str, optional
        The classes in the order of their labels. By default the names in all annotations of all
        splits, sorted.

    Returns
    -------
    BoxSource
        Lazy: ``source[i]`` is ``(image, target)`` with ``target["boxes"]`` float32 ``(n, 4)``,
        ``xyxy`` in pixels, ``target["labels"]`` int64 ``(n,)`` and ``target["difficult"]`` bool
        ``(n,)``.

    Raises
    ------
    FormatError
        If an annotation is damaged, has a document type, or names a file outside the folder.
    OSError
        If a folder or file is not there.

    References
    ----------
    M. Everingham et al., "The Pascal visual object classes (VOC) challenge", IJCV 88, 2010.

    Examples
    --------
    >>> source = from_voc("VOC2012", "train")                              # doctest: +SKIP
    >>> image, target = source[0]                                     # doctest: +SKIP
    """
    root = Path(path)
    annotations, images = root / "Annotations", root / "JPEGImages"
    files = sorted(
        file
        for file in annotations.iterdir()
        if file.suffix.lower() == ".xml" and not file.name.startswith(".")
    )
    if not files:
        raise FormatError(f"{annotations}: expected .xml files, got none")
    if split is not None:
        wanted = _split_names(root, split)
        if class_names is None:
            class_names = tuple(
                sorted({name for file in files for name in _parse(file, None).names})
            )
        files = [
            inside(annotations, f"{name}.xml", str(root / "ImageSets" / "Main" / f"{split}.txt"))
            for name in wanted
        ]
    return box_source([_parse(file, images) for file in files], class_names, size, mode, str(root))


def _split_names(root: Path, split: str) -> list[str]:
    if not split or set(split) & set("/\\\0") or split.startswith("."):
        raise ArgumentError(
            f"split: expected the name of a file in ImageSets/Main without its suffix, got "
            f"{split!r}"
        )
    file = root / "ImageSets" / "Main" / f"{split}.txt"
    if not file.is_file():
        known = (
            sorted(other.stem for other in file.parent.glob("*.txt"))
            if file.parent.is_dir()
            else []
        )
        raise ArgumentError(
            f"split: expected one of {', '.join(known) or 'none'} in {file.parent}, got {split!r}"
        )
    try:
        lines = [line.split() for line in file.read_text(encoding="utf-8").splitlines()]
    except UnicodeDecodeError as error:
        raise FormatError(f"{file}: expected a text file, got another file ({error})") from None
    names = [words[0] for words in lines if words]
    if not names:
        raise FormatError(f"{file}: expected at least one image, got none")
    return names


def _tree(content: bytes, file: Path) -> "ElementTree.Element":
    """Parse XML without a document type.

    A document type is refused at its first word, before any entity in it is declared.
    """
    from xml.etree import ElementTree  # here, to keep `import cnnrs` short

    class Builder(ElementTree.TreeBuilder):
        def doctype(self, name: str, pubid: str | None, system: str | None) -> NoReturn:
            raise FormatError(
                "expected XML without a document type, got a DOCTYPE, which may declare entities; "
                "remove it"
            )

    try:
        return ElementTree.fromstring(content, parser=ElementTree.XMLParser(target=Builder()))
    except FormatError as error:
        raise FormatError(f"{file}: {error}") from None
    except (
        ElementTree.ParseError,
        ValueError,
        LookupError,
    ) as error:  # a LookupError is an unknown encoding
        raise FormatError(f"{file}: expected XML, got damaged XML ({error})") from error


def _parse(file: Path, images: Path | None) -> Annotation:
    """Read an annotation; with `images` None, do not check that its image exists."""
    with open(file, "rb") as stream:
        content = stream.read(MAX_XML_BYTES + 1)
    if len(content) > MAX_XML_BYTES:
        raise FormatError(
            f"{file}: expected an annotation of at most {MAX_XML_BYTES} bytes, got a larger file"
        )
    tree = _tree(content, file)
    if tree.tag != "annotation":
        raise FormatError(f"{file}: expected the root <annotation>, got <{tree.tag}>")
    boxes, names, difficult = [], [], []
    for number, item in enumerate(tree.iterfind("object")):
        where = f"{file}: object {number}"
        name = (item.findtext("name") or "").strip()
        if not name:
            raise FormatError(f"{where}: expected a name, got none")
        corners = [
            _number(item, f"bndbox/{corner}", where) for corner in ("xmin", "ymin", "xmax", "ymax")
        ]
        if corners[2] < corners[0] or corners[3] < corners[1]:
            raise FormatError(
                f"{where} ({name}): expected xmin <= xmax and ymin <= ymax, got {corners}"
            )
        boxes.append(corners)
        names.append(name)
        difficult.append((item.findtext("difficult") or "0").strip() == "1")
    image = (
        Path()
        if images is None
        else _image_file(file, (tree.findtext("filename") or "").strip(), images)
    )
    stated = None
    if tree.find("size") is not None:
        height, width = (
            _number(tree, "size/height", str(file)),
            _number(tree, "size/width", str(file)),
        )
        stated = (
            (int(height), int(width)) if height > 0 and width > 0 else None
        )  # some tools write zeros
    return Annotation(image, boxes, names, difficult, stated, str(file))


def _number(item: "ElementTree.Element", tag: str, where: str) -> float:
    text = item.findtext(tag)
    try:
        value = float(text if text is not None else "missing")
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise FormatError(f"{where}: <{tag.replace('/', '><')}>: expected a number, got {text!r}")
    return value


def _image_file(annotation: Path, name: str, images: Path) -> Path:
    """Return the file that the annotation names, or else a file with the annotation's own name.

    Annotation tools often misspell the file name.
    """
    if name:
        named = inside(images, name, str(annotation))
        if named.is_file():
            return named
    for suffix in (".jpg", *sorted(IMAGE_SUFFIXES)):
        sibling = images / f"{annotation.stem}{suffix}"
        if sibling.is_file():
            return inside(images, sibling.name, str(annotation))
    raise FileNotFoundError(
        f"{annotation}: expected its image {name or annotation.stem!r} in {images}, got no "
        "such file"
    )
