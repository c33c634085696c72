"""Feed the data of `fit` and `evaluate` as batches ``(x, y)``, epoch after epoch.

Seed, epoch and position determine the next batch, so nothing else has to be saved to resume in the
middle of an epoch.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Generator, Iterable, Iterator, Sized
from typing import Any

import numpy as np

from cnnrs.data import Loader, Source
from cnnrs.errors import ArgumentError, DTypeError, ShapeError

__all__ = ["Feed", "as_pair"]


def as_pair(data: Any, y: Any) -> Any:
    """Return the data of a call with `data` and `y`: ``(data, y)``, or `data` if there is no `y`.

    Raises
    ------
    DTypeError
        If `y` is given with data that hold their own targets.
    """
    if y is None:
        return data
    if not isinstance(data, (list, tuple)) and not hasattr(data, "__array__"):
        raise DTypeError(
            f"y: expected no y beside a {type(data).__name__}, which holds its own targets; "
            "validation data are passed as validation="
        )
    return data, y


class Feed:
    """Batches of a data set, a loader, or any iterable.

    Parameters
    ----------
    data : pair (x, y) of arrays, Source, Loader, or iterable of (x, y) batches
        For a model with several inputs, `x` is a list of arrays; for one with several outputs, `y`.
    batch_size : int
        Samples per batch, for arrays and sources.
    shuffle : bool
        For arrays and sources: whether every epoch has its own order, determined by `seed` and the
        epoch.
    seed : int
    name : str
        Name of `data` in messages.

    Attributes
    ----------
    samples : int or None
        Samples in an epoch, if known.
    batches : int or None
        Batches in an epoch, if known.
    once : bool
        Whether the data can be read only once.
    name : str
    """

    def __init__(
        self, data: Any, batch_size: int, *, shuffle: bool, seed: int, name: str = "data"
    ) -> None:
        self._loader: Loader | None = None
        self._batches: Iterable[Any] = ()
        self._columns: Columns | None = None
        self.name = name
        if isinstance(data, tuple) and len(data) == 2:
            if any(
                isinstance(part, (list, tuple)) and part and isinstance(part[0], np.ndarray)
                for part in data
            ):
                data = self._columns = Columns(*data, name)
            self._loader = Loader(data, batch_size, shuffle=shuffle, seed=seed)
        elif isinstance(data, Loader):
            self._loader = data
        elif isinstance(data, Source) and not isinstance(
            data, (list, tuple, np.ndarray, str, bytes, dict)
        ):
            self._loader = Loader(data, batch_size, shuffle=shuffle, seed=seed)
        elif isinstance(data, Iterable) and not isinstance(data, (np.ndarray, str, bytes, dict)):
            self._batches = _checked_batches(data, name)
        else:
            either = "x and y, " if name == "data" else ""
            raise DTypeError(
                f"{name}: expected {either}a pair (x, y), a data set, a Loader or an iterable of "
                f"batches (x, y), got {type(data).__name__}"
            )
        self.once = isinstance(data, Iterator)

    @property
    def samples(self) -> int | None:
        """Samples in an epoch, if known."""
        loader = self._loader
        if loader is None:
            return None
        return len(loader) * loader.batch_size if loader.drop_last else len(loader.source)

    @property
    def batches(self) -> int | None:
        """Batches in an epoch, if known."""
        if self._loader is not None:
            return len(self._loader)
        return len(self._batches) if isinstance(self._batches, Sized) else None

    @property
    def settings(self) -> dict[str, Any]:
        """Settings that determine the batches of an epoch, as far as they are known."""
        loader = self._loader
        if loader is None:
            return {"data": "an iterable of batches", "batches": self.batches}
        settings = {
            name: getattr(loader, name) for name in ("batch_size", "shuffle", "drop_last", "seed")
        }
        return {"samples": len(loader.source), **settings, "transform": loader.transform}

    def epoch(
        self, number: int, start: int = 0, watch: Callable[[Any], None] | None = None
    ) -> Generator[tuple[Any, Any]]:
        """Yield the batches of one epoch, from batch `start` on.

        Parameters
        ----------
        number, start : int
        watch : callable, optional
            Called with the images of every batch as they are in the data set, before the transform
            of a loader; with a list of arrays for a model with several inputs. Photos of several
            sizes are passed one by one, each as a batch.
        """
        for x, y in self._raw(number, start, watch):
            pair = self._columns.split(x, y) if self._columns is not None else (x, y)
            if watch is not None and not self._transforms:
                watch(pair[0])
            yield pair

    @property
    def _transforms(self) -> bool:
        """Whether a loader changes the images."""
        return self._loader is not None and self._loader.transform is not None

    def _raw(
        self, number: int, start: int, watch: Callable[[Any], None] | None
    ) -> Iterator[tuple[Any, Any]]:
        if self._loader is not None:
            loader = self._loader
            if watch is not None and loader.transform is not None:
                transform, loader = loader.transform, copy.copy(loader)
                loader.transform = self._watched(transform, watch)
            yield from loader.batches(number, start)
            return
        for position, batch in enumerate(self._batches):
            if position < start:
                continue
            if not isinstance(batch, (tuple, list)) or len(batch) != 2:
                raise ShapeError(
                    f"{self.name}: expected a pair (x, y) for every batch, got "
                    f"{type(batch).__name__} at position {position}"
                )
            yield batch[0], batch[1]

    def _watched(
        self, transform: Callable[..., Any], watch: Callable[[Any], None]
    ) -> Callable[..., Any]:
        """Return a transform that calls `watch` with the images before it changes them."""
        photos = self._columns is None  # then a list holds photos of several sizes, not inputs

        def watched(x: Any, **others: Any) -> Any:
            if photos and isinstance(x, list):
                for photo in x:
                    watch(np.asarray(photo)[None])
            else:
                watch(x)
            return transform(x, **others)

        return watched


def _checked_batches(data: Iterable[Any], name: str) -> Iterable[Any]:
    """Return an iterable of batches, unless it is a pair of arrays written as a list."""
    if isinstance(data, list) and len(data) == 2 and all(hasattr(x, "__array__") for x in data):
        raise ArgumentError(
            f"{name}: expected a pair (x, y), got a list of two arrays; write it as a tuple: (x, y)"
        )
    return data


class Columns:
    """Source with several arrays in place of x, of y, or of both; a sample is a row of all.

    Parameters
    ----------
    x, y : array or sequence of arrays
    name : str
        Name of the data in messages.
    """

    def __init__(self, x: Any, y: Any, name: str = "data") -> None:
        self._many = (
            isinstance(x, (list, tuple)),
            isinstance(y, (list, tuple)) and bool(len(y)) and isinstance(y[0], np.ndarray),
        )
        self._x = [np.asarray(part) for part in (x if self._many[0] else [x])]
        self._y = [np.asarray(part) for part in (y if self._many[1] else [y])]
        lengths = {len(part) for part in (*self._x, *self._y)}
        if len(lengths) != 1:
            raise ArgumentError(
                f"{name}: expected the same number of samples in all arrays, got {sorted(lengths)}"
            )
        self._length = lengths.pop()
        self.in_memory = True

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        return [part[index] for part in self._x], [part[index] for part in self._y]

    def batch(self, indices: Any) -> tuple[Any, Any]:
        """Return rows of all arrays."""
        return [part[indices] for part in self._x], [part[indices] for part in self._y]

    def split(self, x: list[Any], y: list[Any]) -> tuple[Any, Any]:
        """Return a batch in the form of the data: lists only where the data had them."""
        return (x if self._many[0] else x[0]), (y if self._many[1] else y[0])
