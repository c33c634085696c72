"""Extend a data set: its samples unchanged, followed by transformed copies of each."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnrs import _arguments
from cnnrs.augment.transform import Transform
from cnnrs.data import Source, as_source, fetch, labels_of
from cnnrs.errors import ArgumentError, DTypeError, ShapeError

__all__ = ["Expanded", "expand"]


class Expanded:
    """The samples of a source, followed by their transformed copies. `expand` builds it.

    Parameters
    ----------
    source : Source
        The original samples.
    transform : Transform
    factor : int
    seed : int

    Examples
    --------
    >>> import numpy as np
    >>> from cnnrs import augment
    >>> x, y = np.zeros((2, 4, 4, 1), np.uint8), np.array([0, 1])
    >>> larger = augment.expand((x, y), augment.RandomInvert(1.0))
    >>> larger.labels.tolist(), larger[2][0].max().item()
    ([0, 1, 0, 1], 255)
    """

    def __init__(self, source: Source, transform: Transform, factor: int, seed: int) -> None:
        self.source = source
        self.transform = transform
        self.factor = factor
        self.seed = seed
        self.class_names: tuple[str, ...] = tuple(getattr(source, "class_names", ()))

    def __len__(self) -> int:
        return self.factor * len(self.source)

    @property
    def labels(self) -> NDArray[np.int64]:
        """Return the label of every sample."""
        return np.tile(labels_of(self.source), self.factor)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        """Return the sample ``(x, y)`` at `index`."""
        if not -len(self) <= index < len(self):
            raise IndexError(f"index {index} is outside a data set of {len(self)} samples")
        x, y = self.batch([index % len(self)])
        return x[0], y[0].item() if y[0].ndim == 0 else y[0]

    def batch(self, indices: ArrayLike) -> tuple[Any, Any]:
        """Return the samples at `indices` as one batch."""
        rounds, places = np.divmod(np.asarray(indices, np.int64), len(self.source))
        images, labels = fetch(self.source, places)
        result = np.array(images)
        for number in np.unique(rounds[rounds > 0]).tolist():
            chosen = np.flatnonzero(rounds == number)
            copies = np.asarray(
                self.transform(images[chosen], indices=places[chosen], epoch=number, seed=self.seed)
            )
            if copies.shape[1:] != result.shape[1:] or copies.dtype != result.dtype:
                raise ShapeError(
                    f"transform: expected images like the originals, {result.dtype} of shape "
                    f"{result.shape[1:]}, got {copies.dtype} of shape {copies.shape[1:]}; "
                    "normalise and resize in the model or the Loader instead"
                )
            result[chosen] = copies
        return result, labels


def expand(data: Any, transform: Transform, factor: int = 2, *, seed: int = 0) -> Expanded:
    """Enlarge a data set: the original samples and ``factor - 1`` transformed copies of each.

    Augmentation in the loader (``cnnrs.data.Loader(..., transform=...)``) makes another copy in
    every epoch and is the better default. Use `expand` for a fixed, larger data set.

    Parameters
    ----------
    data : Source or pair (x, y) of arrays
        Images with labels.
    transform : Transform
        A transform that keeps size and dtype of the images and needs no labels.
    factor : int
        At least 1.
    seed : int
        Seed of the transform.

    Returns
    -------
    Expanded
        A source. For ``n`` original samples, sample ``i`` is the original ``i`` if ``i < n``, and
        otherwise copy ``i // n`` of sample ``i % n``. Copies are computed when they are read and
        are always the same.

    Raises
    ------
    ArgumentError, DTypeError, ShapeError
        For invalid arguments. A transform that changes size or dtype of the images is reported
        when a copy is read.

    Examples
    --------
    >>> import cnnrs
    >>> from cnnrs import augment
    >>> digits = cnnrs.datasets.load("digits")
    >>> larger = augment.expand(digits.train, augment.presets.mnist(), 3)
    >>> len(digits.y_train), len(larger)
    (1437, 4311)
    """
    source = as_source(data)
    if not isinstance(transform, Transform):
        raise DTypeError(
            f"transform: expected a transform of cnnrs.augment, got {type(transform).__name__}"
        )
    if getattr(source, "target", "labels") != "labels":
        raise ArgumentError(
            f"data: expected images with labels, got images with {getattr(source, 'target', '')}"
        )
    return Expanded(
        source,
        transform,
        _arguments.integer("factor", factor, 1),
        _arguments.counter("seed", seed, 64),
    )
