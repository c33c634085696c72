"""Load the data set of a command line and split it into training, validation and test images.

A data set with official test images keeps them, and a tenth of the rest is used for validation. A
folder of classes is split 70 / 15 / 15. A folder with the sub-folders ``train`` and ``test``
(optionally ``val``) is already split; with ``train`` and ``val`` only, ``val`` is the test part.
Splits are stratified and determined by the seed.
"""

import difflib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from cnnrs import datasets
from cnnrs.cli.arguments import UsageError, log
from cnnrs.data import FolderSource, from_folder, split
from cnnrs.errors import FormatError, ShapeError

__all__ = [
    "FolderOptions",
    "Parts",
    "divided_folders",
    "existing_folder",
    "load_parts",
    "load_whole",
    "short_name",
    "skipping_advised",
    "unknown",
]

Part: TypeAlias = tuple[NDArray[np.uint8], NDArray[np.int64]]

OFFICIAL_VALIDATION = 0.1  # of the training images, where the test images are given
FOLDER_SIZES = (0.7, 0.15, 0.15)
SMALL_IMAGE = 64  # pixels: images up to this size are not resized, larger ones are resized to it
MAX_BYTES = 4 << 30  # of decoded images
VALIDATION_FOLDERS = ("val", "valid", "validation")


@dataclass(frozen=True)
class FolderOptions:
    """How the images of a folder are read.

    Attributes
    ----------
    size : (height, width) or None
        Resize to this; None takes small images of one size as they are, and resizes others.
    channels : {1, 3}
        Grey or colour.
    skip_broken : bool
        Skip damaged files with a warning instead of raising an error.
    """

    size: tuple[int, int] | None = None
    channels: int = 3
    skip_broken: bool = False


@dataclass(frozen=True)
class Parts:
    """Training, validation and test images of a data set.

    Each part is a pair ``(x, y)`` of uint8 images ``(n, height, width, channels)`` and labels.
    """

    name: str
    description: str
    class_names: tuple[str, ...]
    train: Part
    validation: Part
    test: Part

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """``(height, width, channels)``."""
        height, width, channels = self.train[0].shape[1:]
        return height, width, channels


def load_parts(
    data: str, options: FolderOptions, data_dir: str | None = None, seed: int = 0
) -> Parts:
    """Load and divide a data set.

    Parameters
    ----------
    data : str
        A name that `cnnrs.datasets.load` knows, or a folder.
    options : FolderOptions
        How to read it, if it is a folder.
    data_dir : str, optional
        Folder with the files of a named data set.
    seed : int
        Seed of the split.

    Raises
    ------
    UsageError
        If there is no data set and no folder of that name.
    FormatError, ShapeError, OSError
        If files are missing or damaged.
    """
    if data in datasets.names():
        loaded = datasets.load(data, data_dir)
        train, validation = split(loaded.train, (None, OFFICIAL_VALIDATION), seed=seed)
        return Parts(data, loaded.description, loaded.class_names, train, validation, loaded.test)
    root, names, given = _read_folder(data, options)
    if len(names) < 2:
        raise FormatError(
            f"{root}: expected at least two classes, each a sub-folder of images, got one class, "
            f"{names[0]!r}"
        )
    _refuse_small_classes(root, names, given[0][1], max(1, 4 - len(given)))
    if len(given) == 1:
        train, validation, test = split(given[0], FOLDER_SIZES, seed=seed)
    elif len(given) == 2:
        train, validation = split(given[0], (None, OFFICIAL_VALIDATION), seed=seed)
        test = given[1]
    else:
        train, validation, test = given
    return Parts(short_name(data), _folder_text(root, names, given), names, train, validation, test)


def load_whole(
    data: str, options: FolderOptions, data_dir: str | None = None
) -> tuple[Part, tuple[str, ...], str]:
    """Load a data set without splitting it.

    Return its images and labels, the names of its classes, and its description.
    """
    if data in datasets.names():
        loaded = datasets.load(data, data_dir)
        return _joined([loaded.train, loaded.test]), loaded.class_names, loaded.description
    root, names, given = _read_folder(data, options)
    return _joined(given), names, _folder_text(root, names, given)


def short_name(data: str) -> str:
    """Return the name of the data set for file names."""
    return data if data in datasets.names() else Path(data).expanduser().resolve().name or "folder"


def unknown(data: str) -> str:
    """Return the message for a name that is neither a data set nor a folder."""
    near = difflib.get_close_matches(data, datasets.names(), n=1)
    meant = f"; did you mean {near[0]!r}?" if near else ""
    return (
        f"no data set and no folder is called {data!r}; expected {', '.join(datasets.names())}, or "
        f"a folder with one sub-folder of images per class{meant}"
    )


def existing_folder(data: str) -> Path:
    """Return the folder of a data set.

    Raises
    ------
    UsageError
        If it does not exist, or is a file.
    """
    root = Path(data).expanduser()
    if not root.exists():
        raise UsageError(unknown(data))
    if not root.is_dir():
        raise UsageError(
            f"{root}: expected a folder with one sub-folder of images per class, got a file"
        )
    return root


@contextmanager
def skipping_advised(skipped: bool) -> Iterator[None]:
    """Name ``--skip-broken`` in the error of a damaged image, unless it is set."""
    try:
        yield
    except FormatError as error:
        if skipped:
            raise
        raise FormatError(
            f"{error}; remove the file, or skip damaged files with --skip-broken"
        ) from error


def _read_folder(data: str, options: FolderOptions) -> tuple[Path, tuple[str, ...], list[Part]]:
    """Return the folder, its classes and its parts.

    A folder that is already split has two or three parts: training, optionally validation, test.
    """
    root = existing_folder(data)
    mode, broken = (
        "grey" if options.channels == 1 else "rgb",
        "skip" if options.skip_broken else "refuse",
    )
    sources = [
        from_folder(path, size=options.size, mode=mode, broken=broken)
        for path in divided_folders(root) or [root]
    ]
    names = sources[0].class_names
    for source in sources[1:]:
        if source.class_names != names:
            raise FormatError(
                f"{source.root}: its classes {_listed(source.class_names)} differ from the "
                f"classes of {sources[0].root}, {_listed(names)}"
            )
    with skipping_advised(options.skip_broken):
        size = options.size or _common_size(sources)
    if size is None:
        size = (SMALL_IMAGE, SMALL_IMAGE)
        log(
            f"images of {root} are resized to {SMALL_IMAGE}x{SMALL_IMAGE}; choose another size "
            "with --image-size"
        )
    _refuse_too_many(root, sum(map(len, sources)), size, options.channels)
    with skipping_advised(options.skip_broken):
        whole = [
            FolderSource(s.root, names, s.paths, s.labels, size, s.mode).load_arrays()
            for s in sources
        ]
    return root, names, whole


def _joined(given: list[Part]) -> Part:
    return np.concatenate([x for x, _ in given]), np.concatenate([y for _, y in given])


def _folder_text(root: Path, names: tuple[str, ...], given: list[Part]) -> str:
    return (
        f"{root}: {sum(len(y) for _, y in given)} images in {len(names)} "
        f"class{'es' * (len(names) != 1)}"
    )


def divided_folders(root: Path) -> list[Path]:
    """Return the folders of training, validation and test images of a folder that is split."""
    validation = [root / name for name in VALIDATION_FOLDERS if (root / name).is_dir()][:1]
    test = [root / "test"] if (root / "test").is_dir() else []
    if not (root / "train").is_dir() or not (test or validation):
        return []
    return [root / "train", *validation, *test]


def _common_size(sources: list[FolderSource]) -> tuple[int, int] | None:
    """Return the size of the images if all have the same, small size."""
    try:
        sizes = {source.image_shape[:2] for source in sources}
    except ShapeError:
        return None
    return sizes.pop() if len(sizes) == 1 and max(max(sizes)) <= SMALL_IMAGE else None


def _refuse_too_many(root: Path, count: int, size: tuple[int, int], channels: int) -> None:
    needed = count * size[0] * size[1] * channels
    if needed > MAX_BYTES:
        raise MemoryError(
            f"{root}: {count} images of {size[0]}x{size[1]} take {needed / 2**30:.1f} GiB decoded, "
            "more than the limit "
            f"of {MAX_BYTES >> 30} GiB of this command; choose a smaller --image-size, or "
            "use cnnrs.Trainer with cnnrs.data.from_folder"
        )


def _refuse_small_classes(
    root: Path, names: tuple[str, ...], labels: NDArray[np.int64], parts: int
) -> None:
    counts = np.bincount(labels, minlength=len(names))
    if counts.min() < parts:
        name, count = names[int(counts.argmin())], int(counts.min())
        raise FormatError(
            f"{root / name}: holds {count} image{'s' * (count != 1)}; at least {parts} are needed "
            "for the split into training and test"
        )


def _listed(names: tuple[str, ...], shown: int = 8) -> str:
    return ", ".join(names[:shown]) + (", ..." if len(names) > shown else "")
