"""Checks for layers: whether ``backward`` is the derivative of ``forward``, and whether the layer
leaves its inputs and existing gradients as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cnnrs import _streams
from cnnrs.layers import Add, Input, Layer, Node
from cnnrs.model import Model

__all__ = ["GradientCheck", "check_gradients"]


@dataclass(frozen=True, slots=True)
class GradientCheck:
    """Result of `check_gradients`.

    Parameters
    ----------
    errors : dict of str to float
        For each parameter and input, the largest difference between the gradient of ``backward``
        and the measured gradient, relative to the largest gradient.
    tolerance : float
        The largest error that passes.
    faults : tuple of str
        Other rules that the layer breaks, in words.

    Examples
    --------
    >>> check = GradientCheck({"weight": 2e-9, "bias": 0.5}, tolerance=1e-7)
    >>> check
    weight: 2.0e-09
    bias: 5.0e-01  <-- wrong
    >>> check.passed
    False
    """

    errors: dict[str, float]
    tolerance: float
    faults: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether all errors are within the tolerance, and there are no faults."""
        return not self.faults and all(error <= self.tolerance for error in self.errors.values())

    def __str__(self) -> str:
        lines = [
            f"{name}: {error:.1e}{'' if error <= self.tolerance else '  <-- wrong'}"
            for name, error in self.errors.items()
        ]
        return "\n".join([*lines, *self.faults])

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
    """Compare the gradients of a layer with central differences in float64.

    A weighted sum of the outputs is differentiated. Its weights and the inputs are random, and the
    parameters are their initial values plus random numbers.

    In a larger model a layer can be shared, and other layers read its inputs too. So the check also
    requires that the layer does not modify its inputs, and adds to existing gradients.

    Parameters
    ----------
    layer : Layer
        A layer that is in no model yet.
    shape : sequence of int, or for several inputs a sequence of shapes
        Shape of one sample.
    batch : int
    seed : int
    tolerance : float
        The largest relative error that passes.
    step : float
        Distance by which each value is moved. Near kinks (ReLU at 0, ties in a maximum) the
        measurement is wrong.

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
    output = layer(nodes)
    model = Model(nodes, output, seed=seed, dtype="float64")
    random = _streams.generator(seed, 0, _streams.Purpose.TEST_VALUES)
    for value in model.parameters().values():
        value += 0.1 * random.standard_normal(value.shape)
    inputs = [random.standard_normal((batch, *item)) for item in shapes]
    names = ["input" if len(inputs) == 1 else f"input {index + 1}" for index in range(len(inputs))]
    cotangent = random.standard_normal((batch, *output.shape))
    faults: list[str] = []
    found = _Gradients(model, inputs, cotangent, seed)
    found.look_for_writing(layer, names, faults)
    claimed: dict[str, tuple[Any, Any]] = {
        name.rpartition(".")[2]: (value, found.parameters[name])
        for name, value in model.parameters().items()
    }
    claimed |= dict(zip(names, zip(inputs, found.inputs, strict=True), strict=True))
    errors = {}
    for name, (array, gradient) in claimed.items():
        measured = _measured(model, inputs, cotangent, seed, array, step)
        scale = max(
            float(np.abs(measured).max(initial=0)), float(np.abs(gradient).max(initial=0)), 1e-3
        )
        errors[name] = float(np.abs(measured - gradient).max(initial=0)) / scale
    _look_for_overwriting(model, nodes, output, inputs, cotangent, seed, found, names, faults)
    return GradientCheck(errors, tolerance, tuple(faults))


class _Gradients:
    """Gradients of one run of a model, with the inputs of the layer before and after it."""

    def __init__(
        self, model: Model, inputs: list[Any], cotangent: Any, seed: int, *, before: Any = None
    ) -> None:
        self.inputs_before = [array.copy() for array in inputs]
        self.inputs_after = inputs
        self.cotangent = cotangent
        token, run = model.runtime.acquire(
            model.runtime.plan_for(training=True, input_gradients=True), len(cotangent)
        )
        try:
            run.forward(inputs, seed=seed)
            gradient, _ = run.output_gradients()[0]
            gradient[...] = cotangent
            if before is not None:
                model.runtime.arena.gradients[...] = before
            run.backward(accumulate=before is not None)
            self.parameters = {name: array.copy() for name, array in model.gradients().items()}
            self.inputs = [run.input_gradient(index).copy() for index in range(len(inputs))]
            self.cotangent_after = gradient.copy()
        finally:
            model.runtime.release(token)

    def look_for_writing(self, layer: Layer, names: list[str], faults: list[str]) -> None:
        """Check that the inputs and the gradient of the output are unchanged."""
        for name, before, after in zip(names, self.inputs_before, self.inputs_after, strict=True):
            if not np.array_equal(before, after, equal_nan=True):
                faults.append(f"{name}: the layer writes to it; others read that array too")
                after[...] = before
        memory = (layer.followed_by or layer).memory
        allowed = memory.in_place or memory.sums_inputs or memory.writes_gradient or memory.view
        if not allowed and not np.array_equal(self.cotangent, self.cotangent_after, equal_nan=True):
            faults.append("grad_output: backward writes to it; others read that array too")


def _measured(
    model: Model, inputs: list[Any], cotangent: Any, seed: int, array: Any, step: float
) -> Any:
    """Measure the gradient with respect to an array by central differences."""
    token, run = model.runtime.acquire(
        model.runtime.plan_for(training=True, input_gradients=True), len(cotangent)
    )
    try:

        def value_now() -> float:
            return float(
                np.vdot(cotangent, run.forward([item.copy() for item in inputs], seed=seed)[0])
            )

        measured = np.empty_like(array)
        for place in np.ndindex(array.shape):
            before = array[place]
            array[place] = before + step
            above = value_now()
            array[place] = before - step
            below = value_now()
            array[place] = before
            measured[place] = (above - below) / (2 * step)
    finally:
        model.runtime.release(token)
    return measured


def _look_for_overwriting(
    model: Model,
    nodes: list[Node],
    output: Node,
    inputs: list[Any],
    cotangent: Any,
    seed: int,
    found: _Gradients,
    names: list[str],
    faults: list[str],
) -> None:
    """Check that backward adds to existing gradients of parameters and inputs."""
    random = _streams.generator(seed, 1, _streams.Purpose.TEST_VALUES)
    before = random.standard_normal(model.runtime.arena.gradients.shape)
    again = _Gradients(model, [array.copy() for array in inputs], cotangent, seed, before=before)
    model.runtime.arena.gradients[...] = before
    for name, start in model.gradients().items():
        if not _close(again.parameters[name] - start, found.parameters[name]):
            faults.append(
                f"{name.rpartition('.')[2]}: backward overwrites its gradient; add to it: "
                "ctx.gradient(...)[...] += ..."
            )
    # a model in which each input has another reader, which follows the layer and so runs first in
    # the backward pass
    others = [_Reader() for _ in nodes]
    sums = [other([node, output]) for other, node in zip(others, nodes, strict=True)]
    wider = Model(nodes, sums[0] if len(sums) == 1 else Add()(sums), seed=seed, dtype="float64")
    both = _Gradients(wider, [array.copy() for array in inputs], cotangent, seed)
    ways = len(nodes)  # the number of paths from the output to the end
    for name, index in zip(names, range(len(nodes)), strict=True):
        expected = ways * found.inputs[index] + _Reader.factor * cotangent.sum(
            axis=tuple(range(1, cotangent.ndim)), keepdims=True
        ).reshape((-1,) + (1,) * (inputs[index].ndim - 1))
        if not _close(both.inputs[index], expected):
            faults.append(
                f"{name}: backward overwrites its gradient; add to it, or return a new array"
            )


class _Reader(Layer):
    """Adds a fixed part of the sum of the first input to the second: another reader of an input."""

    factor = 0.37

    def build(self, *input_shape: tuple[int, ...]) -> tuple[int, ...]:
        return input_shape[1]

    def forward(self, ctx: Any, *x: Any) -> Any:
        ctx.save(shape=x[0].shape)
        return x[1] + self.factor * x[0].reshape(len(x[0]), -1).sum(axis=1).reshape(
            (-1,) + (1,) * (x[1].ndim - 1)
        )

    def backward(self, ctx: Any, grad_output: Any) -> Any:
        total = grad_output.reshape(len(grad_output), -1).sum(axis=1)
        shape = ctx.saved.shape
        return np.broadcast_to(
            self.factor * total.reshape((-1,) + (1,) * (len(shape) - 1)), shape
        ), grad_output


def _close(actual: Any, expected: Any) -> bool:
    return bool(
        np.allclose(
            actual,
            expected,
            rtol=1e-9,
            atol=1e-9 * max(1.0, float(np.abs(expected).max(initial=0))),
        )
    )
