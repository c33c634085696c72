"""Reads idx files, the format of MNIST, gzip-compressed or plain.

Header: two zero bytes, the element type, the number of axes, then each axis as 32 bits. Here the
elements are always uint8.
"""

import math
import os
import zlib
from pathlib import Path
from typing import IO, cast

import numpy as np
from numpy.typing import NDArray

from cnnrs.errors import FormatError

__all__ = ["read_idx"]

UINT8 = 0x08
MAX_BYTES = 1 << 30
GZIP_MAGIC = b"\x1f\x8b"


def read_idx(
    path: str | os.PathLike[str], ndim: int | None = None, *, max_bytes: int = MAX_BYTES
) -> NDArray[np.uint8]:
    """Read an idx file of bytes.

    Parameters
    ----------
    path : str or path-like
        The file; gzip compression is detected from its content.
    ndim : int, optional
        The required number of axes.
    max_bytes : int
        A larger size in the header is refused before memory is allocated.

    Returns
    -------
    ndarray, uint8
        With the shape in the header.

    Raises
    ------
    FormatError
        If the file is not an idx file of bytes, is cut short, too long or damaged, or is larger
        than `max_bytes`.
    OSError
        If it cannot be opened.

    References
    ----------
    Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".

    Examples
    --------
    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "labels-idx1-ubyte"
    >>> _ = file.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]))
    >>> read_idx(file).tolist()
    [7, 2, 1]
    """
    import gzip  # here, to keep `import cnnrs` short

    where = os.fspath(path)
    with open(path, "rb") as file:
        compressed = file.read(2) == GZIP_MAGIC
        file.seek(0)
        try:
            if not compressed:
                return _parse(cast("IO[bytes]", file), where, ndim, max_bytes)
            with gzip.GzipFile(fileobj=file) as stream:
                return _parse(cast("IO[bytes]", stream), where, ndim, max_bytes)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise FormatError(
                f"{where}: expected whole gzip data, got damaged or shortened data ({error})"
            ) from error


def _parse(stream: IO[bytes], where: str, ndim: int | None, max_bytes: int) -> NDArray[np.uint8]:
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[3] == 0:
        raise FormatError(f"{where}: expected an idx file, got a file that starts with {magic!r}")
    if magic[2] != UINT8:
        raise FormatError(f"{where}: expected bytes (idx type 0x08), got type 0x{magic[2]:02x}")
    axes = magic[3]
    if ndim is not None and axes != ndim:
        raise FormatError(f"{where}: expected an idx file with {ndim} axes, got {axes}")
    header = stream.read(4 * axes)
    if len(header) < 4 * axes:
        raise FormatError(f"{where}: expected a whole header, got one that is cut short")
    shape = tuple(int.from_bytes(header[4 * k : 4 * k + 4], "big") for k in range(axes))
    size = math.prod(shape)
    if size > max_bytes:
        raise FormatError(
            f"{where}: expected at most {max_bytes} bytes, got a header that announces {size} "
            f"(shape {shape})"
        )
    content = stream.read(size + 1)  # one more, to see whether something follows
    if len(content) != size:
        found = f"only {len(content)}" if len(content) < size else "more"
        raise FormatError(
            f"{where}: expected {size} bytes (shape {shape}) after the header, got {found}"
        )
    return np.frombuffer(content, dtype=np.uint8).reshape(shape).copy()


def suffixes_found(folder: Path, stem: str) -> Path | None:
    """Return the file ``stem.gz`` or ``stem`` in `folder`, or None.

    Names with a dot before ``idx`` are found too.
    """
    for name in (
        f"{stem}.gz",
        stem,
        f"{stem.replace('-idx', '.idx')}.gz",
        stem.replace("-idx", ".idx"),
    ):
        if (folder / name).is_file():
            return folder / name
    return None
