"""Reads untrusted ``.npz`` files: only expected arrays of numbers, with sizes checked first."""

import math
import os
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from cnnrs.errors import FormatError

if TYPE_CHECKING:
    import zipfile

__all__ = ["read_npz"]

MAX_BYTES = 1 << 30


def read_npz(
    path: str | os.PathLike[str],
    expected: Mapping[str, tuple[str, int]],
    *,
    max_bytes: int = MAX_BYTES,
) -> dict[str, NDArray[Any]]:
    """Read the arrays `expected` from an ``.npz`` file; other arrays are ignored.

    Parameters
    ----------
    path : str or path-like
        The file.
    expected : mapping of str to (str, int)
        Kind, as in ``numpy.dtype.kind``, and number of axes of each array. Integers are ``"iu"``.
    max_bytes : int
        Upper bound on the size of one array.

    Returns
    -------
    dict of str to ndarray

    Raises
    ------
    FormatError
        If the file is damaged, an array is missing, of another kind, or larger than allowed.
        Nothing is ever unpickled.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "a.npz"
    >>> np.savez_compressed(file, labels=np.array([3, 1]))
    >>> read_npz(file, {"labels": ("iu", 1)})["labels"].tolist()
    [3, 1]
    """
    import zipfile  # here, to keep `import cnnrs` short

    where = os.fspath(path)
    with open(path, "rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                return {
                    name: _read(archive, name, kind, ndim, max_bytes, where)
                    for name, (kind, ndim) in expected.items()
                }
        except FormatError:
            raise
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            ValueError,
            NotImplementedError,
            RuntimeError,
            SyntaxError,
            TypeError,
        ) as error:
            raise FormatError(
                f"{where}: expected a .npz file, got damaged data ({type(error).__name__}: {error})"
            ) from error


def _read(
    archive: "zipfile.ZipFile", name: str, kind: str, ndim: int, max_bytes: int, where: str
) -> NDArray[Any]:
    try:
        entry = archive.getinfo(f"{name}.npy")
    except KeyError:
        raise FormatError(
            f"{where}: expected an array {name!r}, got {archive.namelist()[:10]}"
        ) from None
    with archive.open(entry) as stream:
        version = np.lib.format.read_magic(stream)
        if version == (1, 0):
            shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(stream)
        elif version == (2, 0):
            shape, fortran_order, dtype = np.lib.format.read_array_header_2_0(stream)
        else:
            raise FormatError(f"{where}: {name}: expected .npy version 1.0 or 2.0, got {version}")
        if dtype.kind not in kind or len(shape) != ndim or fortran_order:
            raise FormatError(
                f"{where}: {name}: expected dtype kind {kind!r} and {ndim} axes, got dtype {dtype} "
                f"and shape {shape}"
            )
        size = math.prod(shape) * dtype.itemsize
        if size > max_bytes:
            raise FormatError(
                f"{where}: {name}: expected at most {max_bytes} bytes, got a header that announces "
                f"{size}"
            )
        content = stream.read(size + 1)
    if len(content) != size:
        raise FormatError(
            f"{where}: {name}: expected {size} bytes, got "
            f"{'more' if len(content) > size else len(content)}"
        )
    return np.frombuffer(content, dtype=dtype).reshape(shape)
