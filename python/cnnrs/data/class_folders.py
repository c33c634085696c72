"""Source of images in a folder with one sub-folder per class.

The classes are the names of the sub-folders, sorted; label 0 is the first. Names that start with a
dot are ignored, and so are files without an image suffix (`cnnrs.data.image.IMAGE_SUFFIXES`) and
files outside the class folders. The constructor lists the files; an image is decoded when it is
read.
"""

import os
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cnnrs import _arguments, _renamed
from cnnrs.data.image import MODES, Size, has_image_suffix, image_size, read_image
from cnnrs.data.source import FileSource
from cnnrs.data.threads import decoding_threads, map_ahead
from cnnrs.errors import FormatError, ShapeError

__all__ = ["FolderSource", "from_folder"]

NAMES_SHOWN = 5


class FolderSource(FileSource):
    """Images in class folders; returned by `from_folder`.

    Parameters
    ----------
    root : Path
        The folder of the class folders.
    class_names : tuple of str
        The sub-folders, sorted.
    paths : tuple of Path
        The image files, sorted by class, then by name.
    labels : ndarray of shape (n,), int64
        The class of every file.
    size : (height, width) or None
        Size that every image is resized to.
    mode : {"rgb", "grey", "unchanged"}
        As in `read_image`.

    Examples
    --------
    >>> import tempfile
    >>> root = Path(tempfile.mkdtemp())
    >>> for name in ("dark", "light"):
    ...     (root / name).mkdir()
    ...     _ = (root / name / "a.pgm").write_bytes(b"P5 1 1 255 " + bytes([9]))
    >>> source = from_folder(root)
    >>> source.class_names, source.labels.tolist()
    (('dark', 'light'), [0, 1])
    """

    def __init__(
        self,
        root: Path,
        class_names: tuple[str, ...],
        paths: tuple[Path, ...],
        labels: NDArray[np.int64],
        size: tuple[int, int] | None,
        mode: str,
    ) -> None:
        self.root = root
        self.class_names = class_names
        self.paths = paths
        self.labels = labels
        self.size = size
        self.mode = mode
        self._image_shape: tuple[int, int, int] | None = None

    def __len__(self) -> int:
        return len(self.paths)

    def __repr__(self) -> str:
        return (
            f"FolderSource({str(self.root)!r}, {len(self)} images, {len(self.class_names)} classes)"
        )

    def describe(self, index: int) -> str:
        """Return the path of the image at `index`."""
        return str(self.paths[index])

    def read(self, index: int) -> tuple[NDArray[np.uint8], int]:
        """Return the image and the label at `index`."""
        return read_image(self.paths[index], self.mode, size=self.size), int(self.labels[index])

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """``(height, width, channels)`` of every image; without ``size=`` all headers are read.

        Raises
        ------
        ShapeError
            If the images differ in size.
        """
        if self._image_shape is None:
            height, width = self.size or self._common_size()
            channels = {"rgb": 3, "grey": 1, "gray": 1}.get(self.mode) or self.read(0)[0].shape[2]
            self._image_shape = height, width, channels
        return self._image_shape

    def _common_size(self) -> tuple[int, int]:
        sizes = map_ahead(image_size, self.paths, threads=decoding_threads(), ahead=64)
        first = None
        for path, size in zip(self.paths, sizes, strict=True):
            first = first or size
            if size != first:
                raise ShapeError(
                    f"images: expected one size, got {first[0]}x{first[1]} (height x width) for "
                    f"{self.paths[0]} and {size[0]}x{size[1]} for {path}; pass "
                    "size=(height, width) to resize them"
                )
        assert first is not None
        return first

    def load_arrays(self) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Decode all images, in several threads.

        Returns
        -------
        x : ndarray of shape (n, height, width, channels), uint8
        y : ndarray of shape (n,), int64

        Raises
        ------
        ShapeError
            If the images differ in size or channels.
        FormatError
            If a file is damaged; the message names it.
        """
        shape = self.image_shape
        x = np.empty((len(self), *shape), dtype=np.uint8)
        images = map_ahead(
            lambda i: self.read(i)[0], range(len(self)), threads=decoding_threads(), ahead=64
        )
        for index, image in enumerate(images):
            if image.shape != shape:
                raise ShapeError(
                    f"{self.paths[index]}: expected shape {shape} as the other images, got "
                    f"{image.shape}; pass size= and mode="
                )
            x[index] = image
        return x, self.labels.copy()


@_renamed.keywords()
def from_folder(
    path: str | os.PathLike[str],
    *,
    size: Size = None,
    mode: str = "rgb",
    broken: str = "refuse",
) -> FolderSource:
    """Return a source of a folder with one sub-folder of images per class.

    Parameters
    ----------
    path : str or path-like
        The folder. Symbolic links are followed.
    size : int or (height, width), optional
        Resize every image to this size, bilinear with antialiasing and without keeping the aspect
        ratio. Required if the images differ in size.
    mode : {"rgb", "grey", "unchanged"}
        As in `read_image`.
    broken : {"refuse", "skip"}
        ``"refuse"`` raises an error when a damaged file is read. ``"skip"`` decodes every file
        once now, leaves out damaged files and warns with their names.

    Returns
    -------
    FolderSource
        Lazy: ``len``, ``source[i] -> (image, label)``, ``source.batch(indices)``, ``class_names``,
        ``labels``, ``paths``, ``image_shape``, ``load_arrays()``.

    Raises
    ------
    FormatError
        If there are no class folders, or a class has no image.
    OSError
        If the folder cannot be read.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> root = pathlib.Path(tempfile.mkdtemp())
    >>> for name, value in (("dark", 0), ("light", 255)):
    ...     (root / name).mkdir()
    ...     _ = (root / name / "a.pgm").write_bytes(b"P5 1 1 255 " + bytes([value]))
    >>> source = from_folder(root, mode="grey")
    >>> source.class_names, source[1][0].tolist()
    (('dark', 'light'), [[[255]]])
    """
    root = Path(path)
    pair = _arguments.optional_pair("size", size)
    _arguments.choice("mode", mode, MODES)
    _arguments.choice("broken", broken, ("refuse", "skip"))
    names = sorted(
        entry.name for entry in root.iterdir() if entry.is_dir() and not entry.name.startswith(".")
    )
    if not names:
        raise FormatError(
            f"{root}: expected one sub-folder of images per class, such as {root / 'cat'}, got none"
        )
    paths: list[Path] = []
    labels: list[int] = []
    for label, name in enumerate(names):
        files = _images_of_class(root, name)
        paths += files
        labels += [label] * len(files)
    source = FolderSource(
        root, tuple(names), tuple(paths), np.array(labels, dtype=np.int64), pair, mode
    )
    return _without_broken(source) if broken == "skip" else source


def _images_of_class(root: Path, name: str) -> list[Path]:
    visible = sorted(entry for entry in (root / name).iterdir() if not entry.name.startswith("."))
    files = [entry for entry in visible if has_image_suffix(entry) and entry.is_file()]
    folders = [entry.name for entry in visible if entry.is_dir()]
    if folders and files:
        raise FormatError(
            f"{root / name}: expected images only, got the folder {folders[0]!r} too; class "
            "folders are read one level deep"
        )
    if folders:
        raise FormatError(
            f"{root / name}: expected images, got folders ({_shown(folders)}); did you mean the "
            f"path {root / name} itself?"
        )
    if not files:
        others = (
            f"{len(visible)} other files ({_shown([entry.name for entry in visible])})"
            if visible
            else "none"
        )
        raise FormatError(
            f"{root / name}: expected images of the class {name!r}, got {others}; add images or "
            "remove the folder"
        )
    return files


def _without_broken(source: FolderSource) -> FolderSource:
    def fault(index: int) -> str | None:
        try:
            source.read(index)
        except FormatError as error:
            return str(error)
        return None

    faults = list(map_ahead(fault, range(len(source)), threads=decoding_threads(), ahead=64))
    bad = [message for message in faults if message is not None]
    if not bad:
        return source
    whole = [index for index, message in enumerate(faults) if message is None]
    labels = source.labels[whole]
    for label, name in enumerate(source.class_names):
        if not (labels == label).any():
            raise FormatError(
                f"{source.root / name}: expected a whole image of the class {name!r}, got damaged "
                f"ones only, such as {bad[0]}"
            )
    warnings.warn(
        f"skipped {len(bad)} damaged image files:\n" + "\n".join(bad), UserWarning, stacklevel=3
    )
    kept = tuple(source.paths[index] for index in whole)
    return FolderSource(source.root, source.class_names, kept, labels, source.size, source.mode)


def _shown(names: list[str]) -> str:
    return ", ".join(names[:NAMES_SHOWN]) + (", ..." if len(names) > NAMES_SHOWN else "")
