"""Muon: momentum whose matrices are made orthogonal, beside AdamW for everything that is no matrix."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Unpack

import numpy as np

from cnnrs import _arguments, ops
from cnnrs.errors import ArgumentError
from cnnrs.optimizers.adaptive import AdamW
from cnnrs.optimizers.base import Optimizer, Options, Schedule, Settings

__all__ = ["Muon", "orthogonalize"]

_QUINTIC = (
    3.4445,
    -4.7750,
    2.0315,
)  # coefficients of Newton-Schulz that lift small singular values fastest


def orthogonalize(matrix: Any, steps: int = 5, eps: float = 1e-7) -> Any:
    """A matrix with the singular vectors of `matrix` and all singular values near 1 (from about 0.7
    to 1.2).

    Newton-Schulz iterations ``X <- a X + (b A + c A²) X`` with ``A = X Xᵀ``.

    Parameters
    ----------
    matrix : ndarray of shape (rows, columns)
    steps : int
    eps : float
        Least norm by which the matrix is divided first.

    References
    ----------
    K. Jordan: Muon: An optimizer for hidden layers in neural networks. 2024.

    Examples
    --------
    >>> import numpy as np
    >>> values = np.linalg.svd(orthogonalize(np.diag([10.0, 1.0, 0.1])), compute_uv=False)
    >>> bool(np.all((values > 0.6) & (values < 1.3)))
    True
    """
    a, b, c = _QUINTIC
    tall = matrix.shape[0] > matrix.shape[1]
    x = np.ascontiguousarray(matrix.T if tall else matrix)
    x = x / max(ops.norm(x), eps)
    for _ in range(steps):
        gram = ops.matmul(x, x, transpose_b=True)
        polynomial = ops.matmul(gram, gram)
        polynomial *= c
        gram *= b
        polynomial += gram
        x = a * x + ops.matmul(polynomial, x)
    return x.T if tall else x


class Muon(Optimizer):
    """Muon: momentum, made orthogonal matrix by matrix by `orthogonalize`; AdamW for biases, norms
    and the last layer.

    A filter bank is a matrix of ``kernel_h · kernel_w · in_channels`` rows and ``out_channels``
    columns. Weight decay is decoupled. Updates of matrices are scaled to the size that those of
    AdamW have, so that one learning rate does for both.

    Parameters
    ----------
    learning_rate : float or callable
    momentum : float
        How much of the mean gradient is kept in each step.
    nesterov : bool
        Whether to look ahead.
    steps : int
        Newton-Schulz iterations.
    scale : {"match_adamw", "original"}
        By what the orthogonal matrix is multiplied: ``0.2 · √max(rows, columns)``, or ``√max(1,
        columns / rows)``.
    betas, eps
        Of AdamW.
    **options
        See `Options`; `weight_decay` is 0.1 unless given.

    References
    ----------
    K. Jordan: Muon: An optimizer for hidden layers in neural networks. 2024. J. Liu et al.: Muon is
    Scalable for LLM Training. 2025.

    Examples
    --------
    >>> Muon(1e-3).slots
    ('mean', 'square')
    """

    arguments = ("momentum", "nesterov", "steps", "scale", "betas", "eps")
    slots = ("mean", "square")
    by_parameter = True

    def __init__(
        self,
        learning_rate: float | Schedule = 1e-3,
        momentum: float = 0.95,
        *,
        nesterov: bool = True,
        steps: int = 5,
        scale: str = "match_adamw",
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        **options: Unpack[Options],
    ) -> None:
        options.setdefault("weight_decay", 0.1)
        super().__init__(learning_rate, **options)
        self.momentum = _arguments.number("momentum", momentum, 0, 1)
        if self.momentum == 1:
            raise ArgumentError("momentum: expected a number below 1, got 1")
        self.nesterov = _arguments.flag("nesterov", nesterov)
        self.steps = _arguments.integer("steps", steps, 1, 100)
        self.scale = str(_arguments.choice("scale", scale, ("match_adamw", "original")))
        self._rest = AdamW(0.0, betas, eps=eps)
        self.betas, self.eps = self._rest.betas, self._rest.eps

    def update(
        self, parameter: Any, gradient: Any, state: Mapping[str, Any], settings: Settings
    ) -> None:
        """One step."""
        shape = settings.shape
        if shape is None or len(shape) < 2 or settings.head:
            self._rest.update(parameter, gradient, state, settings)
            return
        columns = shape[-1]
        rows = math.prod(shape[:-1])
        slope = replace(settings, weight_decay=0.0).slope(parameter, gradient)
        mean = state["mean"]
        ops.move_towards(mean, slope, 1.0 - self.momentum)
        direction = slope + self.momentum * (mean - slope) if self.nesterov else mean
        turned = orthogonalize(direction.reshape(rows, columns), self.steps)
        size = (
            0.2 * math.sqrt(max(rows, columns))
            if self.scale == "match_adamw"
            else math.sqrt(max(1.0, columns / rows))
        )
        parameter *= 1.0 - settings.learning_rate * settings.weight_decay
        parameter -= settings.learning_rate * size * turned.reshape(-1)
