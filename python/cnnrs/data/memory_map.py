"""Source of arrays in ``.npy`` files larger than memory; only the samples of a batch are read.

The file is mapped to view it as an array. Samples are read with ``preadv`` where the system has it,
since pages of a mapping count as resident memory, and touching one may load two megabytes.
"""

import os
import weakref
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnrs import _renamed
from cnnrs.data.source import ArraySource, check_index, check_indices, from_arrays
from cnnrs.data.stacking import Sample
from cnnrs.errors import DTypeError, FormatError

__all__ = ["MemoryMapSource", "from_memmap"]


class MemoryMapSource(ArraySource):
    """Samples in a memory-mapped file; returned by `from_memmap`.

    Parameters
    ----------
    x : numpy.memmap of shape (n, ...)
        The samples.
    y : ndarray of shape (n, ...)
        The targets.
    class_names : tuple of str
        The name of each label.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> root = pathlib.Path(tempfile.mkdtemp())
    >>> np.save(root / "x.npy", np.arange(12, dtype=np.uint8).reshape(3, 2, 2, 1))
    >>> np.save(root / "y.npy", np.array([0, 1, 2]))
    >>> source = from_memmap(root / "x.npy", root / "y.npy")
    >>> len(source), source[1][0].ravel().tolist()
    (3, [4, 5, 6, 7])
    """

    def __init__(
        self, x: "np.memmap[Any, Any]", y: NDArray[Any], class_names: tuple[str, ...] = ()
    ) -> None:
        super().__init__(x, y, class_names)
        self.in_memory = False
        self._path = str(x.filename)
        self._file: int | None = None
        if hasattr(os, "preadv") and x.filename is not None:
            self._file = os.open(x.filename, os.O_RDONLY | os.O_CLOEXEC)
            weakref.finalize(self, os.close, self._file)
            self._start = x.offset

    def __getitem__(self, index: int) -> Sample:
        """Return the sample ``(x, y)`` at `index`, copied out of the file."""
        x, y = self.batch([check_index(index, len(self))])
        return x[0], y[0].item() if y.ndim == 1 else y[0]

    def batch(self, indices: ArrayLike) -> Sample:
        """Return the samples at `indices` as one batch ``(x, y)``, copied out of the file."""
        if self._file is None:
            return super().batch(indices)
        positions = check_indices(indices, len(self))
        out = np.empty((len(positions), *self.x.shape[1:]), self.x.dtype)
        if out.size:
            rows = out.reshape(len(out), -1).view(np.uint8)
            first = 0
            # one read for each run of neighbouring samples
            ends = (np.flatnonzero(np.diff(positions) != 1) + 1).tolist()
            for last in (*ends, len(positions)):
                self._read(
                    self._file,
                    self._start + int(positions[first]) * rows.shape[1],
                    rows[first:last].reshape(-1).data,
                )
                first = last
        return out, np.asarray(self.y[positions])

    def _read(self, file: int, place: int, into: memoryview) -> None:
        while len(into):
            count = os.preadv(file, [into], place)
            if count == 0:
                raise FormatError(
                    f"{self._path}: expected the length it had when it was opened, got an end at "
                    f"byte {place}"
                )
            place, into = place + count, into[count:]


@_renamed.keywords()
def from_memmap(
    x: str | os.PathLike[str], y: str | os.PathLike[str], *, class_names: tuple[str, ...] = ()
) -> MemoryMapSource:
    """Return a source of two ``.npy`` files, of which the first may be larger than memory.

    Parameters
    ----------
    x : str or path-like
        Samples of shape (n, height, width, channels), of any dtype of numbers; read when needed.
    y : str or path-like
        Targets of shape (n, ...); read into memory.
    class_names : tuple of str, optional
        The name of each label.

    Returns
    -------
    MemoryMapSource

    Raises
    ------
    FormatError
        If a file is not a ``.npy`` file, is cut short, or holds Python objects, which are never
        unpickled.
    ShapeError
        If the two differ in length or have no rows.
    OSError
        If a file does not exist.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> root = pathlib.Path(tempfile.mkdtemp())
    >>> np.save(root / "x.npy", np.zeros((3, 2, 2, 1), np.uint8))
    >>> np.save(root / "y.npy", np.array([0, 1, 2]))
    >>> from_memmap(root / "x.npy", root / "y.npy").batch([2, 0])[1].tolist()
    [2, 0]
    """
    samples, targets = _open(x, "r"), _open(y, None)
    from_arrays(samples, targets)  # checks both
    if not isinstance(samples, np.memmap):
        raise FormatError(f"{os.fspath(x)}: expected a file that can be mapped, got another")
    if not samples.flags.c_contiguous:
        raise FormatError(
            f"{os.fspath(x)}: expected an array in C order, got Fortran order, which spreads every "
            "sample over the whole file"
        )
    return MemoryMapSource(samples, targets, class_names)


def _open(path: str | os.PathLike[str], mmap_mode: Any) -> NDArray[Any]:
    where = os.fspath(path)
    try:
        array = np.load(path, mmap_mode=mmap_mode, allow_pickle=False)
    except (ValueError, EOFError, SyntaxError, TypeError, OverflowError) as error:
        raise FormatError(
            f"{where}: expected a whole .npy file of numbers, got another file ({error})"
        ) from error
    if not isinstance(array, np.ndarray):
        array.close()
        raise FormatError(
            f"{where}: expected a .npy file, got .npz; save the array alone with numpy.save"
        )
    if array.dtype.kind not in "biuf":
        raise DTypeError(f"{where}: expected numbers, got dtype {array.dtype}")
    return array
