"""Splits a data set into disjoint parts, stratified by class and fixed by a seed.

In a stratified split every part has the class proportions of the whole, within one sample. The
indices of a part are in ascending order; a `Loader` shuffles them.
"""

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnrs import _arguments, _renamed
from cnnrs._streams import Purpose
from cnnrs.data.random_order import permutation
from cnnrs.data.source import Subset, as_source, labels_of
from cnnrs.errors import ArgumentError, DTypeError, ShapeError

__all__ = ["split", "split_indices", "stratified_kfold"]

Sizes: TypeAlias = Sequence[float | int | None]


@_renamed.keywords()
def split(data: Any, sizes: Sizes, *, stratify: bool = True, seed: int = 0) -> tuple[Any, ...]:
    """Split a data set into parts, such as training, validation and test.

    Parameters
    ----------
    data : Source or pair (x, y) of arrays
        The data set.
    sizes : sequence of float, int or None
        One entry per part: fractions (``0.8, 0.2``) that add up to 1, or numbers of samples
        (``1437, 360``) that add up to the whole. One may be None and takes the rest.
    stratify : bool
        Whether to keep the class proportions in every part.
    seed : int
        Seed of the random split.

    Returns
    -------
    tuple
        One part per entry of `sizes`: pairs ``(x, y)`` of arrays if `data` is a pair, else `Subset`
        sources.

    Raises
    ------
    ArgumentError
        If the sizes do not add up to the whole, or a class has fewer samples than there are parts.

    Examples
    --------
    >>> x, y = np.arange(10).reshape(10, 1), np.array([0] * 5 + [1] * 5)
    >>> (x_train, y_train), (x_test, y_test) = split((x, y), (0.6, 0.4), seed=1)
    >>> y_train.tolist(), y_test.tolist()
    ([0, 0, 0, 1, 1, 1], [0, 0, 1, 1])
    """
    _arguments.flag("stratify", stratify)
    source = as_source(data)
    grouping = labels_of(source) if stratify else np.zeros(len(source), dtype=np.int64)
    parts = _split(grouping, sizes, stratify, seed)
    if isinstance(data, (tuple, list)):
        x, y = np.asarray(data[0]), np.asarray(data[1])
        return tuple((x[part], y[part]) for part in parts)
    return tuple(Subset(source, part) for part in parts)


@_renamed.keywords()
def split_indices(
    labels: ArrayLike, sizes: Sizes, *, stratify: bool = True, seed: int = 0
) -> tuple[NDArray[np.int64], ...]:
    """Split the indices of samples by their labels, as `split` does.

    Parameters
    ----------
    labels : array-like of shape (n,), int
        The class of every sample.
    sizes : sequence of float, int or None
    stratify : bool
    seed : int
        As in `split`.

    Returns
    -------
    tuple of ndarray, int64
        Ascending indices; each of ``0 .. n - 1`` is in exactly one part.

    Examples
    --------
    >>> train, test = split_indices([0, 0, 0, 1, 1, 1], (None, 2))
    >>> len(train), len(test)
    (4, 2)
    """
    return _split(_as_labels(labels), sizes, _arguments.flag("stratify", stratify), seed)


@_renamed.keywords()
def stratified_kfold(
    labels: ArrayLike, folds: int, *, seed: int = 0
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Return the pairs of training and validation indices of a cross-validation.

    Every sample is in exactly one validation part.

    Parameters
    ----------
    labels : array-like of shape (n,), int
        The class of every sample.
    folds : int
        Number of folds, at least 2.
    seed : int
        Seed of the random folds.

    Returns
    -------
    iterator of (ndarray, ndarray), int64
        Ascending indices for training and for validation. The folds differ by at most one sample,
        as a whole and in every class.

    Raises
    ------
    ArgumentError
        If a class has fewer samples than there are folds.

    References
    ----------
    Kohavi, "A study of cross-validation and bootstrap for accuracy estimation and model selection",
    IJCAI 1995.

    Examples
    --------
    >>> [validation.size for _, validation in stratified_kfold([0, 0, 0, 0, 1, 1, 1, 1], 4)]
    [2, 2, 2, 2]
    """
    array = _as_labels(labels)
    folds = _arguments.integer("folds", folds, 2)
    seed = _arguments.counter("seed", seed, 64)
    _refuse_small_classes(array, folds, "folds")
    grouped = _grouped(array, permutation(len(array), Purpose.FOLDS, (seed,)))
    fold = np.empty(len(array), dtype=np.int64)
    fold[grouped] = np.arange(len(array)) % folds  # one class after another, round robin
    return ((np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(folds))


def _as_labels(labels: ArrayLike) -> NDArray[np.int64]:
    array = np.asarray(labels)
    if array.ndim != 1:
        raise ShapeError(f"labels: expected shape (n,), got {array.shape}")
    if array.size == 0:
        raise ShapeError("labels: expected at least one, got none")
    if array.dtype.kind not in "iub":
        raise DTypeError(f"labels: expected integers, got dtype {array.dtype}")
    return array.astype(np.int64)


def _split(
    labels: NDArray[np.int64], sizes: Sizes, stratify: bool, seed: int
) -> tuple[NDArray[np.int64], ...]:
    seed = _arguments.counter("seed", seed, 64)
    if len(labels) == 0:
        raise ShapeError("data: expected at least one sample, got none")
    counts = part_counts(len(labels), sizes)
    if not stratify:
        labels = np.zeros_like(labels)
    elif len(counts) > 1:
        _refuse_small_classes(labels, sum(count > 0 for count in counts), "parts")
    rest = _grouped(labels, permutation(len(labels), Purpose.SPLIT, (seed,)))
    parts = []
    for count in counts[:-1]:
        taken = _take_stratified(labels[rest], count)
        parts.append(np.sort(rest[taken]))
        rest = rest[~taken]
    parts.append(np.sort(rest))
    return tuple(parts)


def _grouped(labels: NDArray[np.int64], order: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return `order` grouped by class; each class keeps its order."""
    return order[np.argsort(labels[order], kind="stable")]


def _take_stratified(grouped_labels: NDArray[np.int64], count: int) -> NDArray[np.bool_]:
    """Mark `count` entries with the class proportions; largest remainders are rounded up."""
    _, starts, sizes = np.unique(grouped_labels, return_index=True, return_counts=True)
    total = len(grouped_labels)
    if total == 0:
        return np.zeros(0, dtype=np.bool_)
    quota, remainder = np.divmod(sizes * count, total)  # exact, in integers
    missing = count - int(quota.sum())
    quota[np.argsort(-remainder, kind="stable")[:missing]] += 1
    taken = np.zeros(total, dtype=np.bool_)
    for start, number in zip(starts, quota, strict=True):
        taken[start : start + number] = True
    return taken


def part_counts(total: int, sizes: Sizes) -> list[int]:
    """Return counts that add up to `total`, from fractions or counts with at most one None."""
    if isinstance(sizes, (str, bytes)) or not isinstance(sizes, Sequence) or len(sizes) < 1:
        raise ArgumentError(f"sizes: expected a sequence of fractions or counts, got {sizes!r}")
    given = [size for size in sizes if size is not None]
    if len(sizes) - len(given) > 1:
        raise ArgumentError(f"sizes: expected at most one None, got {list(sizes)}")
    for size in given:
        if isinstance(size, bool) or not isinstance(size, (int, float, np.integer, np.floating)):
            raise DTypeError(f"sizes: expected fractions or integers, got {size!r}")
        if not 0 <= size < float("inf"):
            raise ArgumentError(f"sizes: expected finite numbers, at least 0, got {size!r}")
    if all(isinstance(size, (int, np.integer)) for size in given):
        counts = [None if size is None else int(size) for size in sizes]
    else:
        if any(size > 1 for size in given):
            raise ArgumentError(
                f"sizes: expected only fractions or only integers, got {list(sizes)}"
            )
        fractions = [0.0 if size is None else float(size) for size in sizes]
        whole = sum(fractions)
        if whole > 1 + 1e-9 or (len(given) == len(sizes) and whole < 1 - 1e-9):
            raise ArgumentError(
                f"sizes: expected fractions that add up to 1, got {list(sizes)}, which add up to "
                f"{whole:g}; one may be None and takes the rest"
            )
        # round the ends of the parts, not their lengths, so that the counts add up
        ends = [round(total * min(1.0, sum(fractions[: i + 1]))) for i in range(len(fractions))]
        lengths = [end - start for start, end in zip([0, *ends], ends, strict=False)]
        counts = [
            None if size is None else length for size, length in zip(sizes, lengths, strict=True)
        ]
    rest = total - sum(count for count in counts if count is not None)
    if rest < 0 or (rest > 0 and None not in counts):
        raise ArgumentError(
            f"sizes: expected counts that add up to {total} samples, got {list(sizes)}; one may be "
            "None and takes the rest"
        )
    return [rest if count is None else count for count in counts]


def _refuse_small_classes(labels: NDArray[np.int64], parts: int, what: str) -> None:
    classes, counts = np.unique(labels, return_counts=True)
    if counts.min() < parts:
        label = int(classes[counts.argmin()])
        way_out = "ask for fewer folds" if what == "folds" else "pass stratify=False"
        raise ArgumentError(
            f"labels: expected at least {parts} samples of each class, one for each of the {what}, "
            f"got {counts.min()} of class {label}; add samples, or {way_out}"
        )
