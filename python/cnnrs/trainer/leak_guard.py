"""The guard against testing on training images: fingerprints of the images that were trained on.

A fingerprint is a 64-bit hash of an image's values in the model's precision, so that uint8 and float32 arrays of the same image agree.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from cnnrs import _arguments
from cnnrs.errors import ArgumentError

__all__ = ["LeakGuard", "LeakWarning"]


class LeakWarning(UserWarning):
    """Test images were among the training images: the figures say nothing about unseen images."""


class LeakGuard:
    """Remembers images, and recognises them."""

    def __init__(self) -> None:
        self._seen: set[int] = set()

    def remember(self, images: Any) -> None:
        """Take note of the training images of a batch."""
        self._seen.update(_fingerprints(images))

    def count(self, images: Any) -> int:
        """How many images of a batch were trained on."""
        return sum(print_ in self._seen for print_ in _fingerprints(images)) if self._seen else 0

    @staticmethod
    def report(found: int, total: int, leak: str) -> None:
        """Warn or refuse, if there is a reason.

        Raises
        ------
        ArgumentError
            If `leak` is ``"refuse"``.
        """
        if not found or leak == "ignore":
            return
        whose = "all of these images were" if found == total else f"{found:,} of these {total:,} images were"
        message = (
            f"{whose} trained on: the result says little about images that the model has not seen. Evaluate on images held out "
            'from training (cnnrs.data.split), or pass leak="ignore" if this is meant'
        )
        if leak == "refuse":
            raise ArgumentError(f"data: {message}")
        warnings.warn(message, LeakWarning, stacklevel=4)


def check_leak_option(leak: str) -> str:
    """One of the three ways to take a leak."""
    return str(_arguments.choice("leak", leak, ("warn", "refuse", "ignore")))


def _fingerprints(images: Any) -> list[int]:
    array = np.ascontiguousarray(images, dtype=np.float32)
    return [hash(image.tobytes()) for image in array]
