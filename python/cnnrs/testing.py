"""Checks for layers: is ``backward`` really the derivative of ``forward``, and does the layer keep
to its contract?
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
    """The outcome of `check_gradients`.

    Attributes
    ----------
    errors : dict of str to float
        For each parameter and input, the largest difference between the gradient that ``backward``
        gives and the one measured, relative to the largest gradient.
    tolerance : float
    faults : tuple of str
        What the layer does that a layer must not do, in words.
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
    """Compare the gradients of a layer with central differences, in float64, for its parameters and
    inputs; and look for bad manners.

    A weighted sum of the outputs is differentiated. Its weights and the inputs are random numbers,
    and so are the parameters, about the values they start with.

    A layer is used in larger models, where it is shared and others read its inputs too. So it must
    leave the arrays that it is handed as they are, and must add to gradients that are there
    already.

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
        By which each value is moved; at kinks (ReLU at 0, ties in a maximum) the measurement is
        wrong for values closer to them.

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
    """One run of a model forward and backward: its gradients, and the arrays that the layer was
    handed, before and after.
    """

    def __init__(
        self, model: Model, inputs: list[Any], cotangent: Any, seed: int, *, before: Any = None
    ) -> None:
        self.inputs_before = [array.copy() for array in inputs]
        self.inputs_after = inputs
        self.cotangent = cotangent
        token, run = model.acquire(
            model.plan_for(training=True, input_gradients=True), len(cotangent)
        )
        try:
            run.forward(inputs, seed=seed)
            gradient, _ = run.output_gradients()[0]
            gradient[...] = cotangent
            if before is not None:
                model.arena.gradients[...] = before
            run.backward(accumulate=before is not None)
            self.parameters = {name: array.copy() for name, array in model.gradients().items()}
            self.inputs = [run.input_gradient(index).copy() for index in range(len(inputs))]
            self.cotangent_after = gradient.copy()
        finally:
            model.release(token)

    def look_for_writing(self, layer: Layer, names: list[str], faults: list[str]) -> None:
        """Inputs and the gradient of the output must be as they were."""
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
    """The gradient with respect to an array, by central differences."""
    token, run = model.acquire(model.plan_for(training=True, input_gradients=True), len(cotangent))
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
        model.release(token)
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
    """Gradients that are there already must be added to: of parameters of a shared layer, of inputs
    that others read.
    """
    random = _streams.generator(seed, 1, _streams.Purpose.TEST_VALUES)
    before = random.standard_normal(model.arena.gradients.shape)
    again = _Gradients(model, [array.copy() for array in inputs], cotangent, seed, before=before)
    model.arena.gradients[...] = before
    for name, start in model.gradients().items():
        if not _close(again.parameters[name] - start, found.parameters[name]):
            faults.append(
                f"{name.rpartition('.')[2]}: backward overwrites its gradient; add to it: "
                "ctx.gradient(...)[...] += ..."
            )
    # a model in which each input has another reader, whose gradient is there first: it reads behind
    # the layer, so it runs first backward
    others = [_Reader() for _ in nodes]
    sums = [other([node, output]) for other, node in zip(others, nodes, strict=True)]
    wider = Model(nodes, sums[0] if len(sums) == 1 else Add()(sums), seed=seed, dtype="float64")
    both = _Gradients(wider, [array.copy() for array in inputs], cotangent, seed)
    ways = len(nodes)  # in which the output reaches the end
    for name, index in zip(names, range(len(nodes)), strict=True):
        expected = ways * found.inputs[index] + _Reader.factor * cotangent.sum(
            axis=tuple(range(1, cotangent.ndim)), keepdims=True
        ).reshape((-1,) + (1,) * (inputs[index].ndim - 1))
        if not _close(both.inputs[index], expected):
            faults.append(
                f"{name}: backward overwrites its gradient; add to it, or return an array of your "
                "own"
            )


class _Reader(Layer):
    """The second input, plus the mean of the first times a number: reads its inputs as another
    layer in a model would.
    """

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
