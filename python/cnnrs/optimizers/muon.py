"""Muon: orthogonalized momentum for matrices, and AdamW for all other parameters."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Unpack

import numpy as np

from cnnrs import _arguments, _renamed, ops
from cnnrs.errors import ArgumentError
from cnnrs.optimizers.adaptive import AdamW
from cnnrs.optimizers.base import Optimizer, Options, Schedule, Settings

__all__ = ["Muon", "orthogonalize"]

# Newton-Schulz coefficients that raise small singular values fastest
_QUINTIC = (3.4445, -4.7750, 2.0315)


@_renamed.keywords(eps="epsilon")
def orthogonalize(matrix: Any, steps: int = 5, *, epsilon: float = 1e-7) -> Any:
    """Return a matrix with the singular vectors of `matrix` and singular values from 0.7 to 1.2.

    Applies Newton-Schulz iterations ``X <- a X + (b A + c A²) X`` with ``A = X Xᵀ``.

    Parameters
    ----------
    matrix : ndarray of shape (rows, columns)
    steps : int
        Number of iterations.
    epsilon : float
        Lower bound on the norm that the matrix is divided by first.

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
    x = x / max(ops.norm(x), epsilon)
    for _ in range(steps):
        gram = ops.matmul(x, x, transpose_b=True)
        polynomial = ops.matmul(gram, gram)
        polynomial *= c
        gram *= b
        polynomial += gram
        x = a * x + ops.matmul(polynomial, x)
    return x.T if tall else x


@_renamed.keywords(eps="epsilon")
class Muon(Optimizer):
    """Muon: momentum that `orthogonalize` makes orthogonal for each matrix.

    Biases, normalization layers and the last layer are updated by AdamW. The weight of a
    convolution is a matrix of ``kernel_h · kernel_w · in_channels`` rows and ``out_channels``
    columns. Weight decay is decoupled. Updates of matrices are scaled to the size of AdamW's
    updates, so that one learning rate serves both.

    Parameters
    ----------
    learning_rate : float or callable
        A number, or a schedule ``f(epoch, epochs) -> float``.
    momentum : float
        Decay rate of the running mean gradient, from 0 to below 1.
    nesterov : bool
        Whether to use Nesterov momentum.
    steps : int
        Number of Newton-Schulz iterations.
    scale : {"match_adamw", "original"}
        Factor of the orthogonal matrix: ``0.2 · √max(rows, columns)``, or ``√max(1, columns /
        rows)``.
    betas : pair of float
        Decay rates of AdamW, from 0 to below 1.
    epsilon : float
        Added to the root in AdamW.
    **options
        See `Options`; the default of `weight_decay` is 0.1.

    References
    ----------
    K. Jordan: Muon: An optimizer for hidden layers in neural networks. 2024. J. Liu et al.: Muon is
    Scalable for LLM Training. 2025.

    Examples
    --------
    >>> Muon(1e-3).slots
    ('mean', 'square')
    """

    slots = ("mean", "square")
    by_parameter = True
    option_defaults: ClassVar[Options] = {"weight_decay": 0.1}

    def __init__(
        self,
        learning_rate: float | Schedule = 1e-3,
        momentum: float = 0.95,
        *,
        nesterov: bool = True,
        steps: int = 5,
        scale: str = "match_adamw",
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
        **options: Unpack[Options],
    ) -> None:
        super().__init__(learning_rate, **options)
        self.momentum = _arguments.number("momentum", momentum, 0, 1)
        if self.momentum == 1:
            raise ArgumentError("momentum: expected a number below 1, got 1")
        self.nesterov = _arguments.flag("nesterov", nesterov)
        self.steps = _arguments.integer("steps", steps, 1, 100)
        self.scale = str(_arguments.choice("scale", scale, ("match_adamw", "original")))
        self._rest = AdamW(0.0, betas, epsilon=epsilon)
        self.betas, self.epsilon = self._rest.betas, self._rest.epsilon

    def update(
        self, parameter: Any, gradient: Any, state: Mapping[str, Any], settings: Settings
    ) -> None:
        """Apply one step."""
        shape = settings.shape
        if shape is None or len(shape) < 2 or settings.head:
            self._rest.update(parameter, gradient, state, settings)
            return
        columns = shape[-1]
        rows = math.prod(shape[:-1])
        slope = replace(settings, weight_decay=0.0).slope(parameter, gradient)
        mean = state["mean"]
        ops.lerp(mean, slope, 1.0 - self.momentum)
        direction = slope + self.momentum * (mean - slope) if self.nesterov else mean
        orthogonal = orthogonalize(direction.reshape(rows, columns), self.steps)
        size = (
            0.2 * math.sqrt(max(rows, columns))
            if self.scale == "match_adamw"
            else math.sqrt(max(1.0, columns / rows))
        )
        parameter *= 1.0 - settings.learning_rate * settings.weight_decay
        parameter -= settings.learning_rate * size * orthogonal.reshape(-1)
