"""Build ``(n, 3, 3)`` matrices of affine and projective maps on ``(x, y, 1)``.

The origin is the upper left corner, and y points down.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["about", "affine", "cosine_sine", "homography", "translation"]

Matrices = NDArray[np.float64]


def cosine_sine(degrees: Any) -> tuple[Any, Any]:
    """Return cosine and sine of an angle, exact at multiples of 90 degrees."""
    turns = np.asarray(degrees, dtype=np.float64) % 360
    radians = np.deg2rad(turns)
    exact = turns % 90 == 0
    return np.where(exact, np.round(np.cos(radians)), np.cos(radians)), np.where(
        exact, np.round(np.sin(radians)), np.sin(radians)
    )


def matrices(rows: list[list[Any]], count: int) -> Matrices:
    """Build matrices from entries that are numbers, or one number per sample."""
    out = np.empty((count, 3, 3))
    for i, row in enumerate(rows):
        for j, value in enumerate(row):
            out[:, i, j] = value
    return out


def translation(x: Any, y: Any, count: int) -> Matrices:
    """Return matrices that shift by (x, y)."""
    return matrices([[1, 0, x], [0, 1, y], [0, 0, 1]], count)


def about(inner: Matrices, x: Any, y: Any, to_x: Any = None, to_y: Any = None) -> Matrices:
    """Return a map with its origin at (x, y), which it takes to (to_x, to_y), by default (x, y)."""
    count = len(inner)
    moved: Matrices = (
        translation(x if to_x is None else to_x, y if to_y is None else to_y, count)
        @ inner
        @ translation(-x, -y, count)
    )
    return moved


def affine(degrees: Any, scale: Any, shear_x: Any, shear_y: Any, count: int) -> Matrices:
    """Compose rotation (clockwise), scale and shear in degrees, as torchvision does."""
    cos, sin = cosine_sine(np.asarray(degrees) - np.asarray(shear_y))
    cos_y, _ = cosine_sine(shear_y)
    cos_turn, sin_turn = cosine_sine(degrees)
    slope = np.tan(np.deg2rad(shear_x))
    a, b = cos / cos_y, -cos * slope / cos_y - sin_turn
    c, d = sin / cos_y, -sin * slope / cos_y + cos_turn
    return matrices([[scale * a, scale * b, 0], [scale * c, scale * d, 0], [0, 0, 1]], count)


def homography(start: NDArray[np.float64], end: NDArray[np.float64]) -> Matrices:
    """Return the projective maps that take four points ``(n, 4, 2)`` to four others."""
    count = len(start)
    x, y = start[..., 0], start[..., 1]
    u, v = end[..., 0], end[..., 1]
    one, zero = np.ones_like(x), np.zeros_like(x)
    first = np.stack([x, y, one, zero, zero, zero, -u * x, -u * y], axis=-1)
    second = np.stack([zero, zero, zero, x, y, one, -v * x, -v * y], axis=-1)
    system = np.concatenate([first, second], axis=1)
    values = np.concatenate([u, v], axis=1)[..., None]
    entries = np.linalg.solve(system, values)[..., 0]
    return np.concatenate([entries, np.ones((count, 1))], axis=1).reshape(count, 3, 3)
