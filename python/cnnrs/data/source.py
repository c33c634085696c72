"""Defines the protocol of a data set, and sources of arrays and subsets.

A *source* is anything with ``len(source)`` and ``source[i] -> (x, y)``. A source that reads several
samples at once faster than one by one also has ``batch(indices) -> (x, y)``. Optional attributes
are ``labels`` (int64, one per sample; needed to stratify or balance), ``class_names``,
``describe(i)`` (a name for messages) and ``target``, the kind of ``y``: ``"labels"`` (the default),
``"boxes"`` or ``"masks"``.
"""

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnrs import _arguments, _renamed
from cnnrs.data.stacking import Sample, collate
from cnnrs.errors import ArgumentError, DTypeError, ShapeError

__all__ = [
    "ArraySource",
    "FileSource",
    "Source",
    "Subset",
    "as_source",
    "fetch",
    "from_arrays",
    "labels_of",
]

Indices: TypeAlias = NDArray[np.int64]


@runtime_checkable
class Source(Protocol):
    """The protocol of a data set: a length, and the sample ``(x, y)`` at an index.

    Examples
    --------
    >>> class Squares:
    ...     def __len__(self):
    ...         return 5
    ...     def __getitem__(self, index):
    ...         return np.full((2, 2, 1), index, dtype=np.uint8), index * index
    >>> x, y = fetch(Squares(), [1, 3])
    >>> x.shape, y.tolist()
    ((2, 2, 2, 1), [1, 9])
    """

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Sample: ...


def check_index(index: int, length: int) -> int:
    """Return `index` counted from the start; negative indices count from the end."""
    position = int(index) + length if index < 0 else int(index)
    if not 0 <= position < length:
        raise IndexError(
            f"index: expected {-length} to {length - 1} for {length} samples, got {index}"
        )
    return position


def check_indices(indices: ArrayLike, length: int) -> Indices:
    """Return `indices` as int64, each within a data set of `length` samples."""
    array = np.asarray(indices)
    if array.ndim != 1:
        raise ShapeError(f"indices: expected shape (n,), got {array.shape}")
    if array.size == 0:
        return np.zeros(0, dtype=np.int64)
    if array.dtype.kind not in "iu":
        raise DTypeError(f"indices: expected integers, got dtype {array.dtype}")
    if array.min() < -length or array.max() >= length:
        raise IndexError(
            f"indices: expected {-length} to {length - 1} for {length} samples, got "
            f"{array.min()} to {array.max()}"
        )
    signed = array.astype(np.int64)
    return np.where(signed < 0, signed + length, signed)


class FileSource:
    """Base class of sources that decode each sample from a file.

    A subclass defines ``__len__`` and ``read(index)``. A `Loader` calls ``read`` from several
    threads.

    Examples
    --------
    >>> class Grey(FileSource):
    ...     def __len__(self):
    ...         return 3
    ...     def read(self, index):
    ...         return np.full((2, 2, 1), 100 * index, dtype=np.uint8), index
    >>> x, y = Grey().batch([2, 0])
    >>> x[:, 0, 0, 0].tolist(), y.tolist()
    ([200, 0], [2, 0])
    """

    target = "labels"
    class_names: tuple[str, ...] = ()

    def __len__(self) -> int:
        raise NotImplementedError

    def read(self, index: int) -> Sample:
        """Return the sample at `index`, which is within the data set."""
        raise NotImplementedError

    def describe(self, index: int) -> str:
        """Return a name for the sample at `index`, such as its path."""
        return f"sample {index}"

    def __getitem__(self, index: int) -> Sample:
        """Return the sample ``(x, y)`` at `index`."""
        return self.read(check_index(index, len(self)))

    def batch(self, indices: ArrayLike) -> Sample:
        """Return the samples at `indices` as one batch ``(x, y)``."""
        positions = check_indices(indices, len(self))
        return collate(
            [self.read(int(i)) for i in positions], lambda k: self.describe(int(positions[k]))
        )


class ArraySource:
    """Samples in the rows of arrays; returned by `from_arrays`.

    Parameters
    ----------
    x, y : ndarray of shape (n, ...)
        The samples and their targets.
    class_names : sequence of str
        The name of each label.

    Examples
    --------
    >>> source = from_arrays(np.zeros((3, 8, 8, 1), np.uint8), [2, 0, 1])
    >>> type(source).__name__, len(source), source[0][1]
    ('ArraySource', 3, 2)
    """

    target = "labels"

    def __init__(self, x: NDArray[Any], y: NDArray[Any], class_names: Sequence[str] = ()) -> None:
        self.x = x
        self.y = y
        self.class_names = tuple(class_names)
        self.in_memory = True

    @property
    def labels(self) -> NDArray[np.int64]:
        """The targets, if they are one integer per sample."""
        if self.y.ndim != 1 or self.y.dtype.kind not in "iu":
            raise ArgumentError(
                f"y: expected one integer label per sample, got {self.y.dtype} of shape "
                f"{self.y.shape}"
            )
        return self.y.astype(np.int64, copy=False)

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> Sample:
        """Return the sample ``(x, y)`` at `index`."""
        position = check_index(index, len(self))
        target = self.y[position]
        return np.array(self.x[position]), target.item() if target.ndim == 0 else np.array(target)

    def batch(self, indices: ArrayLike) -> Sample:
        """Return the samples at `indices` as one batch ``(x, y)``, copied."""
        positions = check_indices(indices, len(self))
        return np.asarray(self.x[positions]), np.asarray(self.y[positions])

    def __repr__(self) -> str:
        columns = (
            f"{name}={array.dtype}{array.shape}" for name, array in (("x", self.x), ("y", self.y))
        )
        return f"{type(self).__name__}({', '.join(columns)})"


@_renamed.keywords()
def from_arrays(x: ArrayLike, y: ArrayLike, *, class_names: Sequence[str] = ()) -> ArraySource:
    """Return a source of two arrays in memory.

    Parameters
    ----------
    x : array-like of shape (n, height, width, channels)
        Images or other samples, one per row. They are not copied.
    y : array-like of shape (n, ...)
        Targets; class labels are integers of shape (n,).
    class_names : sequence of str, optional
        The name of each label.

    Returns
    -------
    ArraySource

    Raises
    ------
    ShapeError
        If the two differ in length or have no rows.
    DTypeError
        If an array holds Python objects or text instead of numbers.

    Examples
    --------
    >>> source = from_arrays(np.zeros((3, 8, 8, 1)), [0, 1, 0])
    >>> len(source), source[1][1]
    (3, 1)
    """
    columns = []
    for name, value in (("x", x), ("y", y)):
        try:
            array = np.asarray(value)
        except ValueError as error:
            raise ShapeError(
                f"{name}: expected rows of equal length, got others ({error})"
            ) from None
        if array.dtype.kind not in "biuf":
            raise DTypeError(f"{name}: expected numbers, got dtype {array.dtype}")
        if array.ndim == 0:
            raise ShapeError(f"{name}: expected one row per sample, got a single number")
        columns.append(array)
    if len(columns[0]) != len(columns[1]):
        raise ShapeError(
            f"x and y: expected one row per sample in both, got {len(columns[0])} and "
            f"{len(columns[1])}"
        )
    if len(columns[0]) == 0:
        raise ShapeError(f"x: expected at least one sample, got shape {columns[0].shape}")
    return ArraySource(columns[0], columns[1], class_names)


class Subset:
    """Samples of another source at given indices, in their order.

    Parameters
    ----------
    source : Source
        The whole data set.
    indices : array-like of int of shape (n,)
        Indices of the samples; they may repeat.

    Examples
    --------
    >>> part = Subset(from_arrays([[10.0], [11.0], [12.0]], [0, 1, 2]), [2, 0])
    >>> part.batch([0, 1])[1].tolist()
    [2, 0]
    """

    def __init__(self, source: Source, indices: ArrayLike) -> None:
        self.source = source
        self.indices = check_indices(indices, len(source))
        self.class_names: tuple[str, ...] = tuple(getattr(source, "class_names", ()))
        self.target: str = getattr(source, "target", "labels")
        self.in_memory: bool = getattr(source, "in_memory", False)

    @property
    def labels(self) -> NDArray[np.int64]:
        """The labels of these samples."""
        return labels_of(self.source)[self.indices]

    def __repr__(self) -> str:
        return f"Subset({self.source!r}, {len(self)} of {len(self.source)} samples)"

    def describe(self, index: int) -> str:
        """Return the source's name for the sample."""
        return describe(self.source, int(self.indices[index]))

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, index: int) -> Sample:
        """Return the sample ``(x, y)`` at `index`."""
        return self.source[int(self.indices[check_index(index, len(self))])]

    def batch(self, indices: ArrayLike) -> Sample:
        """Return the samples at `indices` as one batch."""
        return fetch(self.source, self.indices[check_indices(indices, len(self))])


def as_source(data: object) -> Source:
    """Return a source unchanged, and a pair ``(x, y)`` of arrays as a source.

    Parameters
    ----------
    data : Source or pair (x, y) of arrays

    Returns
    -------
    Source

    Raises
    ------
    DTypeError, ShapeError
        For anything else.

    Examples
    --------
    >>> source = as_source((np.zeros((3, 8, 8, 1)), [2, 0, 1]))
    >>> len(source), as_source(source) is source
    (3, True)
    """
    if isinstance(data, (tuple, list)):
        if len(data) != 2:
            raise ShapeError(f"data: expected a source or a pair (x, y), got {len(data)} items")
        return from_arrays(data[0], data[1])
    if isinstance(data, (np.ndarray, str, bytes, dict)) or not isinstance(data, Source):
        raise DTypeError(
            "data: expected a source (len and item) or a pair (x, y) of arrays, got "
            f"{type(data).__name__}"
        )
    return data


def describe(source: object, index: int) -> str:
    """Return the source's name for a sample, or its index."""
    named = getattr(source, "describe", None)
    return str(named(index)) if named is not None else f"sample {index}"


def fetch(source: Source, indices: ArrayLike, *, stack: bool = True) -> Sample:
    """Return a batch of any source, by its ``batch`` method or sample by sample.

    Parameters
    ----------
    source : Source
    indices : array-like of int of shape (n,)
    stack : bool
        As in `collate`.

    Returns
    -------
    x, y : ndarray or list
        As from `collate`.

    Examples
    --------
    >>> source = from_arrays(np.arange(4.0).reshape(4, 1, 1, 1), [0, 1, 0, 1])
    >>> x, y = fetch(source, [3, 0])
    >>> x.ravel().tolist(), y.tolist()
    ([3.0, 0.0], [1, 0])
    """
    _arguments.flag("stack", stack)
    positions = check_indices(indices, len(source))
    whole = getattr(source, "batch", None)
    if whole is not None and (stack or not fetches_items(source)):
        x, y = whole(positions)
        return x, y
    return collate(
        [source[int(i)] for i in positions],
        lambda k: describe(source, int(positions[k])),
        stack=stack,
    )


def fetches_items(source: object) -> bool:
    """Return whether batches are joined from single samples, which several threads may read."""
    if isinstance(source, Subset):
        return fetches_items(source.source)
    return isinstance(source, FileSource) or not hasattr(source, "batch")


def labels_of(source: object) -> NDArray[np.int64]:
    """Return the class label of every sample of a source.

    Parameters
    ----------
    source : Source
        With an attribute ``labels``.

    Returns
    -------
    ndarray of shape (n,), int64

    Raises
    ------
    ArgumentError
        If the source has no labels.

    Examples
    --------
    >>> labels_of(from_arrays(np.zeros((3, 8, 8, 1)), [2, 0, 1]))
    array([2, 0, 1])
    """
    labels = getattr(source, "labels", None)
    if labels is None:
        raise ArgumentError(
            f"labels: expected a source with labels, got {type(source).__name__} without; give it "
            "an attribute `labels` with one integer per sample"
        )
    array = np.asarray(labels)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise DTypeError(
            f"labels: expected one integer per sample, got {array.dtype} of shape {array.shape}"
        )
    return array.astype(np.int64)
