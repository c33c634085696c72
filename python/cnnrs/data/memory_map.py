"""Arrays in ``.npy`` files that are larger than memory: only the samples of a batch are read.

The pages of a mapped file count as resident memory of the process until they are given back; a source does that by itself
after every 256 MiB read, so that training from a file of any size stays small.
"""

import mmap
import os
import threading
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnrs.data.source import ArraySource, Sample, arrays
from cnnrs.errors import DTypeError, FormatError

__all__ = ["MemoryMapSource", "memmap"]

RELEASE_AFTER_BYTES = 256 << 20
FAULT_AROUND_BYTES = 2 * (64 << 10)  # Linux maps the neighbourhood of a page along with it, at both ends of a sample


class MemoryMapSource(ArraySource):
    """Samples in a memory-mapped file; made by `memmap`."""

    def __init__(self, x: "np.memmap[Any, Any]", y: NDArray[Any], class_names: tuple[str, ...] = ()) -> None:
        super().__init__(x, y, class_names)
        self.in_memory = False
        self._read_bytes = 0
        self._lock = threading.Lock()

    def __getitem__(self, index: int) -> Sample:
        """Return the sample ``(x, y)`` at `index`, copied out of the file."""
        sample = super().__getitem__(index)
        self._release(1)
        return sample

    def batch(self, indices: ArrayLike) -> Sample:
        """Return the samples at `indices` as one batch ``(x, y)``, copied out of the file."""
        x, y = super().batch(indices)
        self._release(len(y))
        return x, y

    def _release(self, samples: int) -> None:
        per_sample = self.x.nbytes // len(self.x) + FAULT_AROUND_BYTES
        with self._lock:
            self._read_bytes += samples * per_sample
            if self._read_bytes < RELEASE_AFTER_BYTES:
                return
            self._read_bytes = 0
        mapping = getattr(self.x, "_mmap", None)
        if mapping is not None and hasattr(mmap, "MADV_DONTNEED"):
            mapping.madvise(mmap.MADV_DONTNEED)  # the file keeps the data; a thread just reading faults it in again


def memmap(x: str | os.PathLike[str], y: str | os.PathLike[str], class_names: tuple[str, ...] = ()) -> MemoryMapSource:
    """Make a source of two ``.npy`` files, the first of which may be larger than memory.

    Parameters
    ----------
    x : str or path-like
        Samples of shape (n, height, width, channels), of any dtype of numbers; read as needed.
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
        If a file is no ``.npy`` file, is cut short, or holds Python objects, which are never unpickled.
    ShapeError
        If the two differ in length or have no rows.
    OSError
        If a file is not there.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> root = pathlib.Path(tempfile.mkdtemp())
    >>> np.save(root / "x.npy", np.zeros((3, 2, 2, 1), np.uint8)); np.save(root / "y.npy", np.array([0, 1, 2]))
    >>> memmap(root / "x.npy", root / "y.npy").batch([2, 0])[1].tolist()
    [2, 0]
    """
    samples, targets = _open(x, "r"), _open(y, None)
    arrays(samples, targets)  # checks the two
    if not isinstance(samples, np.memmap):
        raise FormatError(f"{os.fspath(x)}: cannot be mapped")
    if not samples.flags.c_contiguous:
        raise FormatError(f"{os.fspath(x)}: in Fortran order every sample is spread over the whole file; save it in C order")
    return MemoryMapSource(samples, targets, class_names)


def _open(path: str | os.PathLike[str], mmap_mode: Any) -> NDArray[Any]:
    where = os.fspath(path)
    try:
        array = np.load(path, mmap_mode=mmap_mode, allow_pickle=False)
    except (ValueError, EOFError, SyntaxError, TypeError, OverflowError) as error:
        raise FormatError(f"{where}: no whole .npy file of numbers ({error})") from error
    if not isinstance(array, np.ndarray):
        array.close()
        raise FormatError(f"{where}: an .npz file; save the array alone with numpy.save")
    if array.dtype.kind not in "biuf":
        raise DTypeError(f"{where}: must hold numbers, got dtype {array.dtype}")
    return array
