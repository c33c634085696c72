"""Recognise images that a model was trained on, to keep them out of its test results.

The guard stores a 64-bit hash of every training image, taken before any augmentation. An image is
hashed as float32, so uint8 and float32 arrays of the same image agree. The hash is a sum of the
pixels' bits, each multiplied by its own random 64-bit number (multilinear hashing): two images with
different pixels get the same hash with a probability of at most 2**-33, and far less where many
pixels differ in their upper bits. Of a large image, some pixels spread evenly over it are hashed.
`benches/leak_guard.py` measures the cost per batch.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnrs import _arguments
from cnnrs.errors import ArgumentError, FormatError
from cnnrs.trainer.user_warning import warn_user

__all__ = ["LeakGuard", "LeakWarning"]

SAMPLED = 8192  # number of values of an image that are hashed, at most twice this
WAITING = 65536  # least number of hashes that wait unsorted before they are sorted in


class LeakWarning(UserWarning):
    """Test images were among the training images: the result says nothing about unseen images."""


class LeakGuard:
    """Stores the hashes of training images, sorted, and finds images among them.

    Examples
    --------
    >>> guard = LeakGuard()
    >>> images = np.arange(12.0).reshape(3, 2, 2, 1)
    >>> guard.remember(images[:2])
    >>> guard.count(images)
    2
    """

    def __init__(self) -> None:
        self._sorted: NDArray[np.uint64] = np.empty(0, np.uint64)
        self._waiting: list[NDArray[np.uint64]] = []
        self._waiting_count = 0

    def remember(self, x: Any) -> None:
        """Store the hashes of a batch of training images.

        Parameters
        ----------
        x : array-like of shape (n, ...), or list of them
            A list for a model with several inputs.
        """
        hashes = _hashes(x)
        self._waiting.append(hashes)
        self._waiting_count += len(hashes)
        if self._waiting_count > max(WAITING, len(self._sorted)):
            self._sort()

    def count(self, x: Any) -> int:
        """Return how many samples of a batch were trained on."""
        self._sort()
        if not len(self._sorted):
            return 0
        hashes = _hashes(x)
        places = np.searchsorted(self._sorted, hashes)
        places[places == len(self._sorted)] = 0
        return int((self._sorted[places] == hashes).sum())

    def __len__(self) -> int:
        """Return the number of different images stored."""
        self._sort()
        return len(self._sorted)

    def _sort(self) -> None:
        if self._waiting:
            self._sorted = np.unique(np.concatenate([self._sorted, *self._waiting]))
            self._waiting, self._waiting_count = [], 0

    def state_dict(self) -> dict[str, Any]:
        """Return the state for a checkpoint: one array with 8 bytes for each image."""
        self._sort()
        return {"hashes": self._sorted}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore a `state_dict`.

        Raises
        ------
        FormatError
            If it holds no array of hashes; nothing is changed then.
        """
        hashes = state.get("hashes")
        if not isinstance(hashes, np.ndarray) or hashes.dtype != np.uint64 or hashes.ndim != 1:
            raise FormatError("leak_guard: expected a one-dimensional array of uint64 hashes")
        self._sorted = np.unique(hashes)
        self._waiting, self._waiting_count = [], 0

    @staticmethod
    def sentence(found: int, total: int) -> str:
        """Return a sentence about `found` training images among `total` images."""
        which = (
            "all of these images were"
            if found == total
            else f"{found:,} of these {total:,} images were"
        )
        return (
            f"{which} trained on: the result says little about images that the model has not seen"
        )


def check_leak_option(leak: str, guard: LeakGuard | None) -> str:
    """Return `leak`, checked, where `guard` is None if the trainer has none.

    Raises
    ------
    ArgumentError
        For an unknown name, or ``"refuse"`` without a guard.
    """
    _arguments.choice("leak", leak, ("warn", "refuse", "ignore"))
    if leak == "refuse" and guard is None:
        raise ArgumentError(
            "leak: expected a trainer that remembers its training images for 'refuse', got one "
            "made with leak_guard=False"
        )
    return leak


def report_leak(found: int, total: int, leak: str) -> None:
    """Warn about training images among test images, or refuse them, as `leak` says.

    Raises
    ------
    ArgumentError
        If `leak` is ``"refuse"`` and images were found.
    """
    if not found or leak == "ignore":
        return
    message = (
        f"{LeakGuard.sentence(found, total)}. Evaluate on images held out "
        'from training (cnnrs.data.split), or pass leak="ignore" if this is meant'
    )
    if leak == "refuse":
        raise ArgumentError(f"data: {message}")
    warn_user(message, LeakWarning)


def _hashes(x: Any) -> NDArray[np.uint64]:
    """Return one hash for each sample of a batch; none if it holds no numbers.

    What a model cannot take is refused by the model, with a message, and not here.
    """
    inputs = [np.asarray(part) for part in (x if isinstance(x, (list, tuple)) else [x])]
    if not all(part.ndim and part.dtype.kind in "biuf" for part in inputs):
        return np.empty(0, np.uint64)
    hashes = np.zeros(min(map(len, inputs), default=0), np.uint64)
    for number, part in enumerate(inputs):
        bits = _pixels(part[: len(hashes)]).view(np.uint32)
        # the lower bits of round numbers are 0, and a product keeps them 0: mix in the upper bits
        mixed = bits >> np.uint32(16)
        mixed ^= bits
        hashes += np.einsum("ij,j->i", mixed, _factors(number, mixed.shape[1]))
    return hashes


@functools.lru_cache(maxsize=16)
def _factors(number: int, columns: int) -> NDArray[np.uint64]:
    """Return the random factors of the pixels of one input; the same in every process."""
    return np.random.Philox(key=number).random_raw(columns)


def _pixels(images: NDArray[Any]) -> NDArray[np.float32]:
    """Return one row of float32 values for each image."""
    rows = images.reshape(len(images), math.prod(images.shape[1:]))
    step = max(1, rows.shape[1] // SAMPLED)
    step += step > 1 and step % 2 == 0  # odd: reaches every channel and column
    return np.ascontiguousarray(rows[:, ::step], dtype=np.float32)
