"""Examine gradients: their norms, and where the first number that is not finite is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnrs.model import Model

__all__ = ["gradient_norms", "non_finite_place"]


def gradient_norms(model: Model) -> dict[str, float]:
    """Return the Euclidean norm of the gradient of each layer, by its name, from the input on.

    Frozen layers and layers without parameters are left out.
    """
    arena = model.runtime.arena
    norms = {}
    for layer, name in model.graph.names.items():
        squares = [
            float(np.sum(np.square(arena.gradient(parameter), dtype=np.float64)))
            for parameter in layer.parameters.values()
            if parameter.trainable and layer.trainable
        ]
        if squares:
            norms[name] = (
                math.sqrt(math.fsum(squares)) if all(map(math.isfinite, squares)) else math.nan
            )
    return norms


def non_finite_place(model: Model, inputs: Sequence[Any], *, gradients: bool) -> str:
    """Return a phrase for where the first number that is not finite is; empty if unknown.

    Parameters
    ----------
    model : Model
    inputs : sequence of ndarray
        Inputs of the step.
    gradients : bool
        Whether to examine the gradients, after a backward pass.
    """
    for number, x in enumerate(inputs):
        finite = np.isfinite(x) if x.dtype.kind == "f" else None
        if finite is not None and not finite.all():
            sample = int(np.argmin(finite.reshape(len(x), -1).all(axis=1)))
            which = f" {number}" if len(inputs) > 1 else ""
            return (
                f"the input{which} holds a number that is not finite, in sample {sample} of the "
                "batch"
            )
    for name, value in model.parameters().items():
        if not np.isfinite(value).all():
            return f"the parameter {name} holds a number that is not finite"
    if gradients:
        bad = [name for name, value in model.gradients().items() if not np.isfinite(value).all()]
        if bad:  # backward runs from the output: the last layer is where it began
            return f"the gradient of {bad[-1]} is the first on the way back"
    return ""
