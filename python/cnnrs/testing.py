"""Checks for layers: is ``backward`` really the derivative of ``forward``?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnnrs import _streams
from cnnrs.layers import Input, Layer
from cnnrs.model import Model

__all__ = ["GradientCheck", "check_gradients"]


@dataclass(frozen=True, slots=True)
class GradientCheck:
    """The outcome of `check_gradients`.

    Attributes
    ----------
    errors : dict of str to float
        For each parameter and input, the largest difference between the gradient that ``backward`` gives and the one measured,
        relative to the largest gradient.
    tolerance : float
    """

    errors: dict[str, float]
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether all errors are within the tolerance."""
        return all(error <= self.tolerance for error in self.errors.values())

    def __str__(self) -> str:
        lines = [f"{name}: {error:.1e}{'' if error <= self.tolerance else '  <-- wrong'}" for name, error in self.errors.items()]
        return "\n".join(lines)

    __repr__ = __str__


def check_gradients(
    layer: Layer,
    shape: Sequence[int] | Sequence[Sequence[int]],
    *,
    batch: int = 2,
    seed: int = 0,
    tolerance: float = 1e-7,
    step: float = 1e-5,
) -> GradientCheck:
    """Compare the gradients of a layer with central differences, in float64, for its parameters and inputs.

    A weighted sum of the outputs is differentiated. Its weights and the inputs are random numbers, and so are the parameters, about the
    values they start with.

    Parameters
    ----------
    layer : Layer
        One that is in no model yet.
    shape : sequence of int, or for several inputs a sequence of shapes
        Of one sample.
    batch : int
    seed : int
    tolerance : float
        The largest relative error that passes.
    step : float
        By which each value is moved; at kinks (ReLU at 0, ties in a maximum) the measurement is wrong for values closer to them.

    Returns
    -------
    GradientCheck

    Examples
    --------
    >>> from cnnrs.layers import Conv2D
    >>> check_gradients(Conv2D(2, 3), (5, 5, 2)).passed
    True
    """
    several = bool(shape) and not isinstance(shape[0], int)
    shapes: list[tuple[int, ...]] = [tuple(item) for item in (shape if several else [shape])]  # type: ignore[arg-type]
    nodes = [Input(item) for item in shapes]
    model = Model(nodes, layer(nodes), seed=seed, dtype="float64")
    random = _streams.generator(seed, 0, _streams.Purpose.TEST_VALUES)
    for value in model.parameters().values():
        value += 0.1 * random.standard_normal(value.shape)
    inputs = [random.standard_normal((batch, *item)) for item in shapes]
    plan = model.plan_for(training=True, input_gradients=True)
    token, run = model.acquire(plan, batch)
    try:
        cotangent = random.standard_normal(run.forward(inputs)[0].shape)

        def value_now() -> float:
            return float(np.vdot(cotangent, run.forward(inputs, seed=seed)[0]))

        run.forward(inputs, seed=seed)
        run.output_gradients()[0][0][...] = cotangent
        run.backward()
        claimed = {name: gradient.copy() for name, gradient in model.gradients().items()}
        checked: dict[str, tuple[Any, Any]] = {
            name.rpartition(".")[2]: (value, claimed[name]) for name, value in model.parameters().items()
        }
        for index, array in enumerate(inputs):
            checked["input" if len(inputs) == 1 else f"input {index + 1}"] = array, run.input_gradient(index).copy()
        errors = {}
        for name, (array, gradient) in checked.items():
            measured = np.empty_like(array)
            for place in np.ndindex(array.shape):
                before = array[place]
                array[place] = before + step
                above = value_now()
                array[place] = before - step
                below = value_now()
                array[place] = before
                measured[place] = (above - below) / (2 * step)
            scale = max(float(np.abs(measured).max(initial=0)), float(np.abs(gradient).max(initial=0)), 1e-3)
            errors[name] = float(np.abs(measured - gradient).max(initial=0)) / scale
    finally:
        model.release(token)
    return GradientCheck(errors, tolerance)
