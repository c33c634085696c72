"""Profile of a training step: the time of each layer, of the loss and of the update."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from cnnrs import losses as loss_functions
from cnnrs import ops
from cnnrs import optimizers as optimizer_rules
from cnnrs.errors import ArgumentError, ShapeError
from cnnrs.layers.base import trains
from cnnrs.model.network import Network
from cnnrs.model.parameters.arena import Arena
from cnnrs.model.plan.plan import Plan
from cnnrs.model.reports.footprint import work_of
from cnnrs.model.reports.table import table
from cnnrs.model.run.batch import as_batch

__all__ = ["Profile", "StepProfile", "profile"]


@dataclass(frozen=True, slots=True)
class StepProfile:
    """The time of one step of the plan.

    Attributes
    ----------
    name : str
        The layers that run in it: ``conv2d_1 + relu_1``.
    forward_ms, backward_ms : float
        Milliseconds for the batch.
    forward_gflops, backward_gflops : float
        Billion multiplications and additions per second, counted as the direct method computes
        them; 0 for layers that are no sums of products.
    """

    name: str
    forward_ms: float
    backward_ms: float
    forward_gflops: float
    backward_gflops: float


@dataclass(frozen=True, slots=True, repr=False)
class Profile:
    """The time of a training step, layer by layer; printed, a table.

    Attributes
    ----------
    steps : list of StepProfile
    loss_ms, update_ms : float
        Time of the loss with its gradient; time of the optimizer.
    other_ms : float
        Time between the layers.
    total_ms : float
        Time of the whole step: the sum of the others.
    batch_size : int
    """

    steps: list[StepProfile]
    loss_ms: float
    update_ms: float
    other_ms: float
    total_ms: float
    batch_size: int

    def __str__(self) -> str:
        def line(
            name: str,
            forward: float | None,
            backward: float | None,
            rates: tuple[float, float],
            spent: float,
        ) -> tuple[str, ...]:
            cells = (
                "" if forward is None else f"{forward:.3f}",
                "" if backward is None else f"{backward:.3f}",
            )
            return (
                name,
                *cells,
                *(f"{rate:.0f}" if rate else "" for rate in rates),
                f"{100 * spent / self.total_ms:.1f} %",
            )

        rows = [
            line(
                step.name,
                step.forward_ms,
                step.backward_ms,
                (step.forward_gflops, step.backward_gflops),
                step.forward_ms + step.backward_ms,
            )
            for step in self.steps
        ]
        for name, value in (
            ("loss", self.loss_ms),
            ("update", self.update_ms),
            ("between the layers", self.other_ms),
        ):
            rows.append(line(name, value, None, (0, 0), value))
        header = (
            "step",
            "forward ms",
            "backward ms",
            "forward GFLOP/s",
            "backward GFLOP/s",
            "of the step",
        )
        rate = 1e3 * self.batch_size / self.total_ms
        return "\n".join(
            [
                *table(header, rows, left=1),
                "",
                f"{self.total_ms:.3f} ms for a batch of {self.batch_size}: {rate:,.0f} samples a "
                "second",
            ]
        )

    __repr__ = __str__


def profile(
    network: Network,
    x: Any,
    y: Any,
    criterion: loss_functions.Loss,
    rule: optimizer_rules.Optimizer,
    repeats: int,
) -> Profile:
    """Measure training steps of a network that puts out what the loss takes."""
    if len(network.outputs) != 1:
        raise ArgumentError(
            f"profile: the model has {len(network.outputs)} outputs; it takes models with one"
        )
    arrays, count = as_batch(network.graph, x)
    if count == 0:
        raise ShapeError("x: a profile needs at least one sample, got none")
    plan, arena = network.runtime.plan_for(training=True), network.runtime.arena
    statistics = arena.state.copy()
    values = arena.values.copy()
    segments = _segments(arena, rule)
    slots = {name: np.zeros_like(values) for name in rule.slots}
    token, run = network.runtime.acquire(plan, count)
    plain = run._forward, run._backward
    clock = _Clock(len(plan.steps))
    run._forward = [
        (step, clock.timed(compute, 0, i), *rest)
        for i, (step, compute, *rest) in enumerate(plain[0])
    ]
    places = {id(step): i for i, step in enumerate(plan.steps)}
    run._backward = [
        (step, clock.timed(differentiate, 1, places[id(step)]), *rest)
        for step, differentiate, *rest in plain[1]
    ]
    try:
        for _ in range(2 + repeats):  # the first two allocate arrays and fill the caches
            clock.begin()
            outputs = run.forward(arrays)
            clock.lap("forward")
            criterion(outputs[0], y)
            buffer = run.output_gradients()[0][0]
            result = criterion.gradient(outputs[0], y, buffer)
            if result is not buffer:
                buffer[...] = result
            clock.lap("loss")
            run.backward()
            clock.lap("backward")
            ops.all_finite(arena.gradients)
            for region, shape in segments:
                state = {name: array[region] for name, array in slots.items()}
                settings = optimizer_rules.Settings(0.0, rule.weight_decay, shape=shape)
                rule.update(values[region], arena.gradients[region], state, settings)
            clock.lap("update")
    finally:
        run._forward, run._backward = plain
        network.runtime.release(token)
        arena.state[...] = statistics
    return _result(plan, clock, count, repeats)


def _segments(
    arena: Arena, rule: optimizer_rules.Optimizer
) -> list[tuple[slice, tuple[int, ...] | None]]:
    """Return the parts of the arena that the optimizer updates at a time, with their shapes."""
    if not rule.by_parameter:
        return [(slice(None), None)]
    return [
        (slot.region, parameter.shape)
        for parameter, slot in arena.slots.items()
        if parameter.trainable
    ]


class _Clock:
    """Seconds of each step of the plan and of each part of a training step, by repetition."""

    def __init__(self, steps: int) -> None:
        self.steps: tuple[list[list[float]], list[list[float]]] = (
            [[] for _ in range(steps)],
            [[] for _ in range(steps)],
        )
        self.parts: dict[str, list[float]] = {
            "forward": [],
            "loss": [],
            "backward": [],
            "update": [],
        }
        self._last = 0.0

    def timed(self, call: Callable[..., Any], direction: int, place: int) -> Callable[..., Any]:
        """Return a function that also measures its time."""
        times, now = self.steps[direction][place], time.perf_counter

        def run(*arguments: Any) -> Any:
            start = now()
            result = call(*arguments)
            times.append(now() - start)
            return result

        return run

    def begin(self) -> None:
        """Start a repetition."""
        self._last = time.perf_counter()

    def lap(self, part: str) -> None:
        """End a part of the repetition."""
        now = time.perf_counter()
        self.parts[part].append(now - self._last)
        self._last = now


def _result(plan: Plan, clock: _Clock, count: int, repeats: int) -> Profile:
    def milliseconds(seconds: list[float]) -> float:
        return 1e3 * median(seconds[-repeats:]) if seconds else 0.0

    steps = []
    for place, step in enumerate(plan.steps):
        forward, backward = (milliseconds(clock.steps[direction][place]) for direction in (0, 1))
        operations = 2e-6 * count * work_of(plan, step).multiply_adds
        times = (trains(step.layer) + any(step.needs)) * step.backward
        steps.append(
            StepProfile(
                step.name,
                forward,
                backward,
                operations / forward if forward else 0.0,
                times * operations / backward if backward else 0.0,
            )
        )
    parts = {name: milliseconds(seconds) for name, seconds in clock.parts.items()}
    layers = sum(step.forward_ms + step.backward_ms for step in steps)
    other = max(0.0, parts["forward"] + parts["backward"] - layers)
    total = layers + parts["loss"] + parts["update"] + other
    return Profile(steps, parts["loss"], parts["update"], other, total, count)
