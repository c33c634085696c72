"""Source of images and labels that a CSV file lists.

The first row names the columns. Labels that are all integers are used unchanged; names are numbered
in sorted order.
"""

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cnnrs import _arguments, _renamed
from cnnrs.data.image import MODES, Size, read_image
from cnnrs.data.paths import inside
from cnnrs.data.source import FileSource
from cnnrs.errors import ArgumentError, FormatError

__all__ = ["CsvSource", "from_csv"]

MAX_LABEL = 1_000_000


class CsvSource(FileSource):
    """Images listed in a table; returned by `from_csv`.

    Parameters
    ----------
    paths : tuple of Path
        The image files, in the order of the rows.
    labels : ndarray of shape (n,), int64
        The class of every file.
    class_names : tuple of str
        The name of each label.
    size : (height, width) or None
        Size that every image is resized to.
    mode : {"rgb", "grey", "unchanged"}
        As in `read_image`.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "a.pgm").write_bytes(b"P5 1 1 255 " + bytes([9]))
    >>> _ = (folder / "table.csv").write_text("file,label\\na.pgm,cat\\n")
    >>> from_csv(folder / "table.csv").paths[0].name
    'a.pgm'
    """

    def __init__(
        self,
        paths: tuple[Path, ...],
        labels: NDArray[np.int64],
        class_names: tuple[str, ...],
        size: tuple[int, int] | None,
        mode: str,
    ) -> None:
        self.paths = paths
        self.labels = labels
        self.class_names = class_names
        self.size = size
        self.mode = mode

    def __len__(self) -> int:
        return len(self.paths)

    def __repr__(self) -> str:
        return f"CsvSource({len(self)} images, {len(self.class_names)} classes)"

    def describe(self, index: int) -> str:
        """Return the path of the image at `index`."""
        return str(self.paths[index])

    def read(self, index: int) -> tuple[NDArray[np.uint8], int]:
        """Return the image and the label at `index`."""
        return read_image(self.paths[index], self.mode, size=self.size), int(self.labels[index])


@_renamed.keywords()
def from_csv(
    file: str | os.PathLike[str],
    *,
    images: str | os.PathLike[str] | None = None,
    file_column: str = "file",
    label_column: str = "label",
    class_names: tuple[str, ...] | None = None,
    size: Size = None,
    mode: str = "rgb",
) -> CsvSource:
    """Return a source of the images that a CSV file lists.

    Parameters
    ----------
    file : str or path-like
        UTF-8, comma-separated, the first row naming the columns.
    images : str or path-like, optional
        The folder of the image files; by default the folder of the CSV file.
    file_column, label_column : str
        Names of the columns with the file name and the label.
    class_names : tuple of str, optional
        The names of the labels in the order of their numbers.
    size : int or (height, width), optional
        Resize every image to this size.
    mode : {"rgb", "grey", "unchanged"}
        As in `read_image`.

    Returns
    -------
    CsvSource
        Lazy: ``source[i]`` is ``(image, label)``.

    Raises
    ------
    FormatError
        If a column is missing, a row is incomplete, or a name leads out of the folder; the message
        names the line.
    OSError
        If the file does not exist.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> root = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (root / "a.pgm").write_bytes(b"P5 1 1 255 " + bytes([9]))
    >>> _ = (root / "table.csv").write_text("file,label\\na.pgm,cat\\n")
    >>> source = from_csv(root / "table.csv", mode="grey")
    >>> source.class_names, source[0][0].tolist()
    (('cat',), [[[9]]])
    """
    path = Path(file)
    folder = path.parent if images is None else Path(images)
    pair = _arguments.optional_pair("size", size)
    _arguments.choice("mode", mode, MODES)
    rows = _rows(path, file_column, label_column)
    paths = tuple(inside(folder, name, f"{path}: line {line}") for line, name, _ in rows)
    labels, names = _numbered([(line, label) for line, _, label in rows], class_names, path)
    return CsvSource(paths, labels, names, pair, mode)


def _rows(path: Path, file_column: str, label_column: str) -> list[tuple[int, str, str]]:
    import csv as csv_reader  # here, to keep `import cnnrs` short

    rows = []
    with open(path, newline="", encoding="utf-8-sig") as stream:
        reader = csv_reader.DictReader(stream, strict=True)
        try:
            for name in (file_column, label_column):
                if name not in (reader.fieldnames or ()):
                    raise FormatError(
                        f"{path}: expected a column {name!r}, got {reader.fieldnames}"
                    )
            for row in reader:
                values = row[file_column], row[label_column]
                if not values[0] or not values[1] or None in row:
                    raise FormatError(
                        f"{path}: line {reader.line_num}: expected a file name and a label, got a "
                        "row without one or with too many fields"
                    )
                rows.append((reader.line_num, values[0].strip(), values[1].strip()))
        except (csv_reader.Error, UnicodeDecodeError) as error:
            raise FormatError(
                f"{path}: expected a CSV file in UTF-8, got damaged data ({error})"
            ) from None
    if not rows:
        raise FormatError(f"{path}: expected at least one image, got none")
    return rows


def _numbered(
    labels: list[tuple[int, str]], class_names: tuple[str, ...] | None, path: Path
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    if class_names is None and all(label.isdecimal() for _, label in labels):
        numbers = [min(int(label[:20]), MAX_LABEL) for _, label in labels]
        if max(numbers) >= MAX_LABEL:
            raise FormatError(
                f"{path}: line {labels[int(np.argmax(numbers))][0]}: expected labels below "
                f"{MAX_LABEL}, got {max(numbers)} or more"
            )
        return np.array(numbers, dtype=np.int64), tuple(map(str, range(max(numbers) + 1)))
    names = tuple(sorted({label for _, label in labels}) if class_names is None else class_names)
    if len(set(names)) != len(names):
        raise ArgumentError(f"class_names: expected different names, got {list(names)}")
    number = {name: k for k, name in enumerate(names)}
    for line, label in labels:
        if label not in number:
            raise FormatError(
                f"{path}: line {line}: expected a label among class_names, got {label!r}"
            )
    return np.array([number[label] for _, label in labels], dtype=np.int64), names
