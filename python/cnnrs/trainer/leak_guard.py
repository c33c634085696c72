"""The guard against testing on training images: fingerprints of the images that were trained on,
before any augmentation.

A fingerprint is a 64-bit hash of an image's values as float32, so that uint8 and float32 arrays of
the same image agree. Of a large image some values spread evenly over it are taken, which keeps the
cost far below that of a training step: 5 µs for an image of MNIST, 15 µs for one of CIFAR-10, 40 µs
for one of 224 x 224 pixels, in the first epoch only.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from cnnrs import _arguments
from cnnrs.errors import ArgumentError

__all__ = ["LeakGuard", "LeakWarning"]

SAMPLED = 8192  # values of an image that are looked at, or up to twice as many


class LeakWarning(UserWarning):
    """Test images were among the training images: the figures say nothing about unseen images."""


class LeakGuard:
    """Remembers images, and recognises them."""

    def __init__(self) -> None:
        self._seen: set[int] = set()

    def remember(self, x: Any) -> None:
        """Take note of the training images of a batch; a list of arrays for a model with several
        inputs.
        """
        self._seen.update(_fingerprints(x))

    def count(self, x: Any) -> int:
        """How many samples of a batch were trained on."""
        return sum(print_ in self._seen for print_ in _fingerprints(x)) if self._seen else 0

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint needs."""
        return {"fingerprints": np.sort(np.fromiter(self._seen, np.uint64, len(self._seen)))}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over a `state_dict`."""
        self._seen = set(np.asarray(state["fingerprints"], np.uint64).tolist())

    @staticmethod
    def sentence(found: int, total: int) -> str:
        """What there is to say about `found` known images of `total`."""
        whose = (
            "all of these images were"
            if found == total
            else f"{found:,} of these {total:,} images were"
        )
        return (
            f"{whose} trained on: the result says little about images that the model has not seen"
        )

    @classmethod
    def report(cls, found: int, total: int, leak: str) -> None:
        """Warn or refuse, if there is a reason.

        Raises
        ------
        ArgumentError
            If `leak` is ``"refuse"``.
        """
        if not found or leak == "ignore":
            return
        message = (
            f"{cls.sentence(found, total)}. Evaluate on images held out "
            'from training (cnnrs.data.split), or pass leak="ignore" if this is meant'
        )
        if leak == "refuse":
            raise ArgumentError(f"data: {message}")
        warnings.warn(message, LeakWarning, stacklevel=4)


def check_leak_option(leak: str) -> str:
    """One of the three ways to take a leak."""
    return str(_arguments.choice("leak", leak, ("warn", "refuse", "ignore")))


def _fingerprints(x: Any) -> list[int]:
    inputs = [_sampled(np.asarray(part)) for part in (x if isinstance(x, (list, tuple)) else [x])]
    result = []
    for rows in zip(*inputs, strict=False):
        digest = hashlib.blake2b(digest_size=8)
        for row in rows:
            digest.update(row.data)
        result.append(int.from_bytes(digest.digest(), "little"))
    return result


def _sampled(images: Any) -> Any:
    """One row of float32 values for each image."""
    rows = images.reshape(len(images), -1)
    step = max(1, rows.shape[1] // SAMPLED)
    step += (
        step > 1 and step % 2 == 0
    )  # odd, so that it does not always hit the same channel or column
    return np.ascontiguousarray(rows[:, ::step], dtype=np.float32)
