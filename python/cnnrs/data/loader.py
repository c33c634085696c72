"""Yields the batches of a data set in an order fixed by the seed, and reads ahead in threads.

Samples of sources that decode files are read a few at a time by several threads. Whole batches of
other sources with a ``batch`` method are read by one thread. Arrays in memory are gathered by the
calling thread. The batches do not depend on the number of threads.
"""

import inspect
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnrs import _arguments, _renamed
from cnnrs._streams import Purpose
from cnnrs.data.random_order import balanced_order, permutation, weighted_order
from cnnrs.data.source import Source, as_source, describe, fetch, fetches_items, labels_of
from cnnrs.data.stacking import Sample, collate, same_shape
from cnnrs.data.threads import decoding_threads, map_ahead
from cnnrs.errors import ArgumentError, ShapeError

__all__ = ["Loader"]

Indices: TypeAlias = NDArray[np.int64]
SAMPLES_PER_TASK = 4  # small, so that Ctrl-C does not wait for a whole batch of photos


@_renamed.keywords()
class Loader:
    """Iterate over batches ``(x, y)`` of a data set.

    Parameters
    ----------
    data : Source or pair (x, y) of arrays
        The data set.
    batch_size : int
        Samples per batch. The last batch of an epoch is shorter if the number of samples is not a
        multiple.
    shuffle : bool
        Whether to draw a new random order for every epoch, from `seed` and the epoch. Otherwise the
        samples keep their order.
    drop_last : bool
        Whether to leave out a shorter last batch.
    seed : int
        Seed of the random orders.
    balanced : bool
        Whether to draw equal numbers of samples of each class, in random order. The length of an
        epoch stays the same: samples of small classes repeat, and each epoch draws another random
        subset of a large class.
    weights : array-like of shape (n,), optional
        Draw samples with replacement, with probabilities proportional to their weights. Cannot be
        combined with `balanced`.
    transform : callable, optional
        Called on every batch as ``transform(x, labels=y, indices=indices, epoch=epoch,
        seed=seed)``; returns ``x, y``. With mask targets it is passed ``masks=`` instead. With box
        targets it is passed ``labels=``, ``boxes=`` and, if it accepts it, ``difficult=`` (lists of
        arrays), and returns all of them. Photos of several sizes are passed as a list, and must
        have one size afterwards.
    threads : int, optional
        Number of threads that read ahead; 0 reads each batch when it is requested. The default is
        the number of processors, at most 8, for files; 1 for other sources; 0 for arrays in memory.
    prefetch : int
        Number of batches to read ahead, which bounds the memory.

    Raises
    ------
    ShapeError
        If there are no samples, or `drop_last` leaves no batch.
    ArgumentError, DTypeError
        If an argument is out of bounds or of another type.

    Notes
    -----
    After a complete iteration the loader moves to the next epoch, so that two loops ``for x, y in
    loader`` see two orders; `set_epoch` chooses the next epoch. The threads are started by an
    iteration and joined at its end.

    Examples
    --------
    >>> loader = Loader((np.zeros((5, 1)), np.arange(5)), batch_size=2, shuffle=True)
    >>> len(loader)
    3
    >>> sorted(np.concatenate([y for x, y in loader]).tolist())
    [0, 1, 2, 3, 4]
    """

    def __init__(
        self,
        data: Any,
        batch_size: int = 64,
        *,
        shuffle: bool = False,
        drop_last: bool = False,
        seed: int = 0,
        balanced: bool = False,
        weights: ArrayLike | None = None,
        transform: Callable[..., Any] | None = None,
        threads: int | None = None,
        prefetch: int = 2,
    ) -> None:
        self.source: Source = as_source(data)
        self.batch_size = _arguments.integer("batch_size", batch_size, 1)
        self.shuffle = _arguments.flag("shuffle", shuffle)
        self.drop_last = _arguments.flag("drop_last", drop_last)
        self.seed = _arguments.counter("seed", seed, 64)
        self.prefetch = _arguments.integer("prefetch", prefetch, 1)
        self.transform = transform
        self.epoch = 0
        count = len(self.source)
        if count == 0:
            raise ShapeError("data: expected at least one sample, got none")
        if self.drop_last and count < self.batch_size:
            raise ShapeError(
                f"drop_last: expected at least batch_size={self.batch_size} samples, got {count}, "
                "which leave no batch"
            )
        if _arguments.flag("balanced", balanced) and weights is not None:
            raise ArgumentError("weights: expected None with balanced=True, got weights")
        if transform is not None and not callable(transform):
            raise ArgumentError(f"transform: expected a callable, got {transform!r}")
        self._balance = labels_of(self.source) if balanced else None
        self._weights = None if weights is None else _check_weights(weights, count)
        self._items = fetches_items(self.source)
        self._takes_difficult = transform is not None and _takes(transform, "difficult")
        if threads is not None:
            self.threads = _arguments.integer("threads", threads, 0)
        elif self._items:
            self.threads = decoding_threads()
        else:
            self.threads = 0 if getattr(self.source, "in_memory", False) else 1

    def __repr__(self) -> str:
        given = {
            "shuffle": self.shuffle,
            "drop_last": self.drop_last,
            "seed": self.seed,
            "balanced": self._balance is not None,
        }
        parts = [repr(self.source), f"batch_size={self.batch_size}"]
        parts += [f"{name}={value}" for name, value in given.items() if value]
        if self._weights is not None:
            parts.append(f"weights=<{len(self._weights)} numbers>")
        if self.transform is not None:
            parts.append(f"transform={self.transform!r}")
        return f"Loader({', '.join(parts)})"

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        count = len(self.source)
        return count // self.batch_size if self.drop_last else -(-count // self.batch_size)

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch, from 0, that the next iteration reads."""
        self.epoch = _arguments.integer("epoch", epoch, 0)

    def order(self, epoch: int | None = None) -> Indices:
        """Return the order of the samples of an epoch.

        Parameters
        ----------
        epoch : int, optional
            From 0; by default the next epoch.

        Returns
        -------
        ndarray of shape (n,), int64
        """
        epoch = self.epoch if epoch is None else _arguments.integer("epoch", epoch, 0)
        count, key = len(self.source), (self.seed, epoch)
        if self._balance is not None:
            return balanced_order(self._balance, count, key)
        if self._weights is not None:
            return weighted_order(self._weights, count, key)
        return (
            permutation(count, Purpose.SHUFFLE, key)
            if self.shuffle
            else np.arange(count, dtype=np.int64)
        )

    def __iter__(self) -> Iterator[Sample]:
        """Read the next epoch, then move to the following one."""
        epoch = self.epoch
        yield from self.batches(epoch)
        if self.epoch == epoch:
            self.epoch = epoch + 1

    def batches(self, epoch: int | None = None, start: int = 0) -> Iterator[Sample]:
        """Read the batches of one epoch from batch `start` on; earlier batches are not read.

        Parameters
        ----------
        epoch : int, optional
            From 0; by default the next epoch.
        start : int
            Index of the first batch, from 0; used to resume an interrupted epoch.

        Yields
        ------
        x, y
            One batch.
        """
        epoch = self.epoch if epoch is None else _arguments.integer("epoch", epoch, 0)
        start = _arguments.integer("start", start, 0)
        order = self.order(epoch)
        size = self.batch_size
        parts = [order[k * size : (k + 1) * size] for k in range(start, len(self))]
        read = self._read_items if self._items and self.threads else self._read_whole
        for indices, (x, y) in zip(parts, read(parts), strict=True):
            yield (x, y) if self.transform is None else self._transformed(x, y, indices, epoch)

    def _read_whole(self, parts: list[Indices]) -> Iterator[Sample]:
        stack = self.transform is None
        return map_ahead(
            lambda indices: fetch(self.source, indices, stack=stack),
            parts,
            threads=self.threads,
            ahead=self.prefetch,
        )

    def _read_items(self, parts: list[Indices]) -> Iterator[Sample]:
        chunks = (
            indices[k : k + SAMPLES_PER_TASK]
            for indices in parts
            for k in range(0, len(indices), SAMPLES_PER_TASK)
        )
        per_batch = -(-self.batch_size // SAMPLES_PER_TASK)
        source, stack = self.source, self.transform is None

        def read(indices: Indices) -> list[Sample]:
            return [source[int(i)] for i in indices]

        results = map_ahead(read, chunks, threads=self.threads, ahead=self.prefetch * per_batch)
        try:
            for indices in parts:
                samples: list[Sample] = []
                while len(samples) < len(indices):
                    samples += next(results)
                yield collate(samples, self._names(indices), stack=stack)
        finally:
            results.close()

    def _names(self, indices: Indices) -> Callable[[int], str]:
        """Return a function that names sample `k` of a batch in an error message."""
        return lambda k: describe(self.source, int(indices[k]))

    def _transformed(self, x: Any, y: Any, indices: Indices, epoch: int) -> Sample:
        assert self.transform is not None
        target = getattr(self.source, "target", "labels")
        given: dict[str, Any] = {"masks" if target == "masks" else "labels": y}
        if target == "boxes":
            given = {name: [one[name] for one in y] for name in ("labels", "boxes")}
            if self._takes_difficult:
                given["difficult"] = [_flags(one) for one in y]
        result = self.transform(x, **given, indices=indices, epoch=epoch, seed=self.seed)
        if not isinstance(result, tuple) or len(result) != 1 + len(given):
            raise ShapeError(
                f"transform: expected it to return a tuple of {1 + len(given)}, the images and "
                f"{', '.join(given)}, got {type(result).__name__}"
            )
        images = self._one_size("images", result[0], indices)
        if target == "boxes":
            moved = dict(zip(given, result[1:], strict=True))
            if not self._takes_difficult:
                moved["difficult"] = [
                    _kept_flags(one, boxes) for one, boxes in zip(y, moved["boxes"], strict=True)
                ]
            return images, [
                {**one, **dict(zip(moved, parts, strict=True))}
                for one, *parts in zip(y, *moved.values(), strict=True)
            ]
        return images, self._one_size(
            "targets", result[1], indices
        ) if target == "masks" else result[1]

    def _one_size(self, what: str, arrays: Any, indices: Indices) -> Any:
        if not isinstance(arrays, (list, tuple)):
            return arrays
        columns = [np.asarray(array) for array in arrays]
        way_out = (
            "let transform= end with one that produces one size, such as Resize((height, width)) "
            "or RandomResizedCrop, or pass size="
        )
        same_shape(
            f"{what} after the transform",
            columns,
            self._names(indices),
            way_out,
        )
        return np.stack(columns)


def _takes(function: Callable[..., Any], name: str) -> bool:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False
    return any(parameter.name == name for parameter in parameters)


def _flags(target: Any) -> NDArray[np.bool_]:
    return np.asarray(target.get("difficult", np.zeros(len(target["labels"]))), dtype=np.bool_)


def _kept_flags(target: Any, boxes: Any) -> NDArray[np.bool_]:
    """Return the flags after a transform that does not accept them."""
    flags = _flags(target)
    if len(flags) == len(boxes):
        return flags
    if flags.any():
        raise ShapeError(
            f"transform: expected one box for each of {len(flags)}, got {len(boxes)}, so the "
            "difficult ones are unknown; let it accept difficult=, a list of arrays like labels=, "
            "and return the flags of the boxes that remain"
        )
    return np.zeros(len(boxes), dtype=np.bool_)


def _check_weights(weights: ArrayLike, count: int) -> NDArray[np.float64]:
    array = np.asarray(weights, dtype=np.float64)
    if array.shape != (count,):
        raise ShapeError(f"weights: expected shape ({count},), one per sample, got {array.shape}")
    if not np.isfinite(array).all() or (array < 0).any() or array.sum() == 0:
        raise ArgumentError(
            "weights: expected finite numbers, at least 0 and not all 0, got others"
        )
    return array
