"""CIFAR-10, from its published binary batches or from a pack of JPEG images.

A folder is searched for, in this order: the six ``.bin`` files; ``cifar-10-binary.tar.gz``, which
is read without unpacking; ``cifar10_jpeg.npz``, with lossy JPEG images. The Python batches are
pickles and are never opened.
"""

import os
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cnnrs import _renamed
from cnnrs.data.image import decode_image
from cnnrs.data.threads import decoding_threads, map_ahead
from cnnrs.datasets.dataset import Dataset
from cnnrs.datasets.npz import read_npz
from cnnrs.datasets.storage import RemoteFile, find
from cnnrs.errors import FormatError

__all__ = ["load_cifar10"]

CLASS_NAMES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
TRAIN_FILES = tuple(f"data_batch_{k}.bin" for k in range(1, 6))
TEST_FILE = "test_batch.bin"
ARCHIVE = "cifar-10-binary.tar.gz"
JPEG_PACK = "cifar10_jpeg.npz"
RECORD_BYTES = 1 + 3 * 32 * 32  # the label, then the red, green and blue planes
MAX_FILE_BYTES = 1 << 28
IMAGES_PER_TASK = 250
LAYOUTS = ("cifar10", "cifar10/cifar-10-batches-bin", "cifar-10-batches-bin", "")
REMOTE = (
    RemoteFile(
        ARCHIVE,
        "md5:c32a1d4ab5d03f1284b67883e8d87530",
        (f"https://www.cs.toronto.edu/~kriz/{ARCHIVE}",),
    ),
)
JPEG_ARRAYS = {"jpeg": ("u", 1), "offsets": ("i", 1), "labels": ("iu", 1)}


@_renamed.keywords()
def load_cifar10(
    data_dir: str | os.PathLike[str] | None = None, *, download: bool = True
) -> Dataset:
    """Load CIFAR-10: 50,000 training and 10,000 test photos of ten classes, 32 x 32 RGB.

    Parameters
    ----------
    data_dir : str or path-like, optional
        The folder with the ``.bin`` files, the ``.tar.gz`` or the JPEG pack, or with a sub-folder
        ``cifar10``. If it does not have them, ``$CNNRS_DATA`` and the cache folder are tried, then
        a download.
    download : bool
        Whether the network may be used.

    Returns
    -------
    Dataset
        Images of shape (32, 32, 3), uint8. Where they come from the JPEG pack, `description` says
        so: figures reached on them are not comparable with published ones.

    Raises
    ------
    FileNotFoundError
        If the files are not found and cannot be downloaded.
    FormatError
        If a file is damaged; the message names it.

    References
    ----------
    A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009.

    Examples
    --------
    >>> load_cifar10().x_train.shape                                  # doctest: +SKIP
    (50000, 32, 32, 3)
    """
    origin = find("cifar10", data_dir, LAYOUTS, _look, REMOTE, download)
    lossless = origin.name != JPEG_PACK
    if origin.name == JPEG_PACK:
        (x_train, y_train), (x_test, y_test) = _read_jpeg_pack(origin)
    else:
        contents = _read_archive(origin) if origin.name == ARCHIVE else _read_files(origin)
        parts = [_parse(contents[name], f"{origin}/{name}") for name in TRAIN_FILES]
        x_train, y_train = (
            np.concatenate([x for x, _ in parts]),
            np.concatenate([y for _, y in parts]),
        )
        x_test, y_test = _parse(contents[TEST_FILE], f"{origin}/{TEST_FILE}")
    return Dataset(
        name="cifar10",
        x_train=x_train,
        y_train=y_train,
        x_test=x_test,
        y_test=y_test,
        class_names=CLASS_NAMES,
        description="CIFAR-10: photos of ten classes, the official split, 32x32 RGB"
        + (
            ""
            if lossless
            else "; images recompressed as JPEG, so figures are not comparable with published "
            "figures"
        ),
        licence="no formal licence (A. Krizhevsky, V. Nair, G. Hinton)",
        origin=str(origin),
    )


def _look(folder: Path) -> Path | str:
    if all((folder / name).is_file() for name in (*TRAIN_FILES, TEST_FILE)):
        return folder
    for name in (ARCHIVE, JPEG_PACK):
        if (folder / name).is_file():
            return folder / name
    pickles = (folder / "data_batch_1").is_file() or (folder / "cifar-10-python.tar.gz").is_file()
    hint = "; the Python version is made of pickles, which are never opened" if pickles else ""
    return f"no {ARCHIVE}, no {TRAIN_FILES[0]} to {TEST_FILE}, no {JPEG_PACK}{hint}"


def _read_files(folder: Path) -> dict[str, bytes]:
    contents = {}
    for name in (*TRAIN_FILES, TEST_FILE):
        with open(folder / name, "rb") as file:
            contents[name] = file.read(MAX_FILE_BYTES + 1)
        if len(contents[name]) > MAX_FILE_BYTES:
            raise FormatError(f"{folder / name}: expected at most {MAX_FILE_BYTES} bytes, got more")
    return contents


def _read_archive(path: Path) -> dict[str, bytes]:
    """Read the six files out of the archive, into memory; nothing is written to disk."""
    import tarfile  # here, to keep `import cnnrs` short

    wanted = {*TRAIN_FILES, TEST_FILE}
    contents: dict[str, bytes] = {}
    with open(path, "rb") as file:
        try:
            with tarfile.open(fileobj=file, mode="r:gz") as archive:
                for member in archive:
                    if member.size > MAX_FILE_BYTES:
                        raise FormatError(
                            f"{path}: {member.name}: expected at most {MAX_FILE_BYTES} bytes, got "
                            f"{member.size}"
                        )
                    name = member.name.rsplit("/", 1)[-1]
                    stream = (
                        archive.extractfile(member) if name in wanted and member.isreg() else None
                    )
                    if stream is not None:
                        contents[name] = stream.read()
                    if contents.keys() == wanted:
                        break
        except (tarfile.TarError, EOFError, zlib.error) as error:
            raise FormatError(
                f"{path}: expected a whole archive, got one that is damaged or cut short ({error})"
            ) from error
        except OSError as error:
            if error.errno is not None:
                raise
            raise FormatError(
                f"{path}: expected a gzip file, got damaged data ({error})"
            ) from error
    missing = sorted(wanted - contents.keys())
    if missing:
        raise FormatError(f"{path}: expected {', '.join(missing)} in the archive, got no such file")
    return contents


def _parse(content: bytes, where: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    if len(content) == 0 or len(content) % RECORD_BYTES:
        raise FormatError(
            f"{where}: expected whole records of {RECORD_BYTES} bytes, got {len(content)} bytes"
        )
    records = np.frombuffer(content, dtype=np.uint8).reshape(-1, RECORD_BYTES)
    labels = records[:, 0].astype(np.int64)
    if labels.max() >= len(CLASS_NAMES):
        raise FormatError(
            f"{where}: record {int(labels.argmax())}: expected a label from 0 to 9, got "
            f"{labels.max()}"
        )
    planes = records[:, 1:].reshape(-1, 3, 32, 32)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), labels


def _read_jpeg_pack(path: Path) -> list[tuple[NDArray[np.uint8], NDArray[np.int64]]]:
    expected: Mapping[str, tuple[str, int]] = {
        f"{s}_{name}": spec for s in ("train", "test") for name, spec in JPEG_ARRAYS.items()
    }
    stored = read_npz(path, expected)
    parts = []
    for split in ("train", "test"):
        content = stored[f"{split}_jpeg"].tobytes()
        offsets = stored[f"{split}_offsets"].astype(np.int64)
        labels = stored[f"{split}_labels"].astype(np.int64)
        whole = len(offsets) == len(labels) + 1 and offsets[0] == 0 and offsets[-1] == len(content)
        if not whole or (np.diff(offsets) <= 0).any():
            raise FormatError(
                f"{path}: {split}_offsets: expected offsets that divide {split}_jpeg into one "
                "image per label, got others"
            )
        if len(labels) == 0 or labels.min() < 0 or labels.max() >= len(CLASS_NAMES):
            raise FormatError(f"{path}: {split}_labels: expected labels from 0 to 9, got others")
        parts.append((_decode_all(content, offsets, f"{path}: {split}"), labels))
    return parts


def _decode_all(content: bytes, offsets: NDArray[np.int64], where: str) -> NDArray[np.uint8]:
    count = len(offsets) - 1
    images = np.empty((count, 32, 32, 3), dtype=np.uint8)

    def decode(start: int) -> None:
        for index in range(start, min(start + IMAGES_PER_TASK, count)):
            name = f"{where} image {index}"
            image = decode_image(
                content[offsets[index] : offsets[index + 1]], name=name, formats=("JPEG",)
            )
            if image.shape != (32, 32, 3):
                raise FormatError(f"{name}: expected 32x32, got {image.shape[0]}x{image.shape[1]}")
            images[index] = image

    for _ in map_ahead(
        decode, range(0, count, IMAGES_PER_TASK), threads=decoding_threads(), ahead=16
    ):
        pass
    return images
