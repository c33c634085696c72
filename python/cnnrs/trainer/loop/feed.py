"""Whatever `fit` and `evaluate` were given, as batches ``(x, y)``, epoch after epoch.

With a seed, an epoch and a position the next batch is known: nothing else need be saved to go on in
the middle of an epoch.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Generator, Iterable, Iterator, Sized
from typing import Any

import numpy as np

from cnnrs.data import Loader, Source
from cnnrs.errors import ArgumentError, DTypeError, ShapeError
from cnnrs.trainer.checkpoint.identity import text_of

__all__ = ["Feed"]


class Feed:
    """Batches of a data set, a loader, or any iterable.

    Parameters
    ----------
    data : pair (x, y) of arrays, Source, Loader, or iterable of (x, y) batches
        For a model with several inputs, `x` is a list of arrays; for one with several outputs, `y`.
    batch_size : int
    shuffle : bool
        For arrays and sources: a new order in every epoch, keyed by `seed` and the epoch.
    seed : int

    Attributes
    ----------
    samples : int or None
        In an epoch, if that is known.
    batches : int or None
    """

    def __init__(self, data: Any, batch_size: int, *, shuffle: bool, seed: int) -> None:
        self._loader: Loader | None = None
        self._batches: Iterable[Any] = ()
        self._columns: Columns | None = None
        if isinstance(data, tuple) and len(data) == 2:
            if any(
                isinstance(part, (list, tuple)) and part and isinstance(part[0], np.ndarray)
                for part in data
            ):
                data = self._columns = Columns(*data)
            self._loader = Loader(data, batch_size, shuffle=shuffle, seed=seed)
        elif isinstance(data, Loader):
            self._loader = data
        elif isinstance(data, Source) and not isinstance(
            data, (list, tuple, np.ndarray, str, bytes, dict)
        ):
            self._loader = Loader(data, batch_size, shuffle=shuffle, seed=seed)
        elif isinstance(data, Iterable) and not isinstance(data, (np.ndarray, str, bytes, dict)):
            self._batches = data
        else:
            raise DTypeError(
                "data: expected (x, y), a data set, a Loader or an iterable of batches (x, y), "
                f"got {type(data).__name__}"
            )
        self.once = isinstance(data, Iterator)

    @property
    def samples(self) -> int | None:
        """Samples in an epoch, if that is known."""
        loader = self._loader
        if loader is None:
            return None
        return len(loader) * loader.batch_size if loader.drop_last else len(loader.source)

    @property
    def batches(self) -> int | None:
        """Batches in an epoch, if that is known."""
        if self._loader is not None:
            return len(self._loader)
        return len(self._batches) if isinstance(self._batches, Sized) else None

    @property
    def settings(self) -> dict[str, Any]:
        """What the batches of an epoch depend on besides the samples themselves, as far as it is
        known.
        """
        loader = self._loader
        if loader is None:
            return {"data": "an iterable of batches", "batches": self.batches}
        settings = {
            name: getattr(loader, name) for name in ("batch_size", "shuffle", "drop_last", "seed")
        }
        return {"samples": len(loader.source), **settings, "transform": text_of(loader.transform)}

    def epoch(
        self, number: int, start: int = 0, watch: Callable[[Any], None] | None = None
    ) -> Generator[tuple[Any, Any]]:
        """The batches of one epoch, from batch `start` on.

        Parameters
        ----------
        number, start : int
        watch : callable, optional
            Gets the images of every batch as they are in the data set, before the transform of a
            loader.
        """
        for x, y in self._raw(number, start, watch):
            pair = self._columns.split(x, y) if self._columns is not None else (x, y)
            if watch is not None and not self.transforms:
                watch(pair[0])
            yield pair

    @property
    def transforms(self) -> bool:
        """Whether a loader changes the images."""
        return self._loader is not None and self._loader.transform is not None

    def _raw(
        self, number: int, start: int, watch: Callable[[Any], None] | None
    ) -> Iterator[tuple[Any, Any]]:
        if self._loader is not None:
            loader = self._loader
            if watch is not None and loader.transform is not None:
                transform, loader = loader.transform, copy.copy(loader)
                loader.transform = _watched(transform, watch)
            yield from loader.batches(number, start)
            return
        for position, batch in enumerate(self._batches):
            if position < start:
                continue
            if not isinstance(batch, (tuple, list)) or len(batch) != 2:
                raise ShapeError(
                    f"data: every batch must be a pair (x, y), got {type(batch).__name__} at "
                    f"position {position}"
                )
            yield batch[0], batch[1]


def _watched(transform: Callable[..., Any], watch: Callable[[Any], None]) -> Callable[..., Any]:
    def watched(x: Any, **others: Any) -> Any:
        watch(x)
        return transform(x, **others)

    return watched


class Columns:
    """Several arrays in the place of x, of y, or of both, as a source whose samples are the rows."""

    def __init__(self, x: Any, y: Any) -> None:
        self._many = (
            isinstance(x, (list, tuple)),
            isinstance(y, (list, tuple)) and bool(len(y)) and isinstance(y[0], np.ndarray),
        )
        self._x = [np.asarray(part) for part in (x if self._many[0] else [x])]
        self._y = [np.asarray(part) for part in (y if self._many[1] else [y])]
        lengths = {len(part) for part in (*self._x, *self._y)}
        if len(lengths) != 1:
            raise ArgumentError(
                f"data: all arrays need the same number of samples, got {sorted(lengths)}"
            )
        self._length = lengths.pop()
        self.in_memory = True

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return [part[index] for part in self._x], [part[index] for part in self._y]

    def batch(self, indices: Any) -> tuple[Any, Any]:
        """Rows of all arrays."""
        return [part[indices] for part in self._x], [part[indices] for part in self._y]

    def split(self, x: list[Any], y: list[Any]) -> tuple[Any, Any]:
        """A batch in the form in which the data came."""
        return (x if self._many[0] else x[0]), (y if self._many[1] else y[0])
