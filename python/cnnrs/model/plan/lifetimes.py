"""Lifetimes of values and gradients, and which of them may share memory.

Time counts the steps forward, 0, 1, ..., and after the turn the same steps backward. An array lives
from the step that writes it to the last step that reads it. All sizes are bytes of one sample, so
that one plan serves every batch size.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cnnrs.layers.node import Shape
from cnnrs.model.parameters.memory import round_up
from cnnrs.model.plan.placement import Buffer
from cnnrs.model.plan.step import Step, Steps

__all__ = ["gradient_buffers", "value_buffers"]


def _bytes(shape: Shape, dtype: np.dtype[Any]) -> int:
    return round_up(math.prod(shape) * dtype.itemsize)


# --- values ---------------------------------------------------------------------------------------
def value_buffers(plan: Steps) -> dict[int, Buffer]:
    """Return a buffer for each value that is stored, and give the steps buffers for scratch."""
    turn, root = len(plan.steps), plan.root
    values: dict[int, Buffer] = {}
    for index in plan.graph.inputs:
        values[index] = Buffer(_bytes(plan.shapes[index], plan.dtype), -1, -1)
    for time, step in enumerate(plan.steps):
        values[root[step.output]] = Buffer(
            _bytes(plan.shapes[root[step.output]], plan.dtype), time, time
        )
    for output in plan.graph.outputs:
        values[root[output]].last = turn
    for time, step in enumerate(plan.steps):
        backward_time = 2 * turn - time
        memory = step.layer.memory
        kept = step.backward and memory.saves_input
        for source in step.inputs:
            values[root[source]].live_until(backward_time if kept else time)
        if step.backward and memory.saves_output:
            values[root[step.output]].live_until(backward_time)
        shapes = (plan.shapes[source] for source in step.inputs)
        for name, (shape, dtype) in step.layer.scratch(*shapes).items():
            kind = plan.dtype if dtype is None else np.dtype(dtype)
            buffer = Buffer(_bytes(shape, kind), time, backward_time if step.backward else time)
            step.scratch[name] = (buffer, shape, kind)
    for time, step in enumerate(plan.steps):
        _write_over_input(plan, values, step, time)
    return values


def _write_over_input(plan: Steps, values: dict[int, Buffer], step: Step, time: int) -> None:
    """Let a step write its output over an input that nobody reads afterwards."""
    memory, root = step.layer.memory, plan.root
    candidates = step.inputs[:2] if memory.sums_inputs else step.inputs[: int(memory.in_place)]
    after = values[root[step.output]]
    for source in candidates:
        before = values[root[source]]
        alone = sum(root[other] == root[source] for other in step.inputs) == 1
        if (
            alone
            and before.size == after.size
            and before.last == time
            and root[source] not in plan.graph.inputs
        ):
            before.live_until(after.last)
            values[root[step.output]] = before
            return


# --- gradients ------------------------------------------------------------------------------------
def gradient_buffers(plan: Steps, *, input_gradients: bool) -> dict[int, Buffer]:
    """Return a buffer for each gradient that is needed, and mark which steps start one."""
    turn, root = len(plan.steps), plan.root
    sharing = Sharing(plan)
    gradients: dict[int, Buffer] = {}
    for output in plan.graph.outputs:
        if root[output] not in gradients:
            size = _bytes(plan.shapes[root[output]], plan.dtype)
            gradients[root[output]] = sharing.begin(root[output], Buffer(size, turn, turn))
    begun = set(gradients)
    for time in reversed(range(turn)):
        step, now = plan.steps[time], 2 * turn - time
        own = gradients.get(root[step.output])
        if not step.backward or own is None:  # nobody uses the output
            continue
        own.live_until(now)
        starts = []
        for source, needed in zip(step.inputs, step.needs, strict=True):
            place = root[source]
            starts.append(place not in begun)
            if not needed:
                continue
            if place in begun:
                gradients[place].live_until(now)
                continue
            begun.add(place)
            size = _bytes(plan.shapes[place], plan.dtype)
            shared = size == own.size and sharing.may_join(step, place, own, now)
            gradients[place] = sharing.begin(place, own if shared else Buffer(size, now, now))
        step.starts = tuple(starts)
    if input_gradients:
        for index in plan.graph.inputs:
            if index in gradients:
                gradients[index].last = 2 * turn + 1
    return gradients


class Sharing:
    """Decides which gradients may be one array.

    An element-wise step writes the gradient of its input over the gradient of its output. A sum
    passes the gradient of its output to all its inputs. Both are allowed only while nobody reads
    the array afterwards and expects the value that was there before.
    """

    def __init__(self, plan: Steps) -> None:
        turn = len(plan.steps)
        self.root = plan.root
        # by root: the time at which the step that computes the value reads its gradient
        self.read_at = {root: 2 * turn + 1 for index, root in enumerate(plan.root) if root == index}
        # by root: the times at which steps write or add to the gradient
        self.written_at: dict[int, list[int]] = {}
        # roots whose gradient is overwritten by the step that reads it
        self.overwritten: set[int] = set()
        # by buffer: the roots whose gradient it holds, in the order of joining
        self.users: dict[int, list[int]] = {}
        for time, step in enumerate(plan.steps):
            root = plan.root[step.output]
            self.read_at[root] = 2 * turn - time
            if step.layer.memory.writes_gradient:
                self.overwritten.add(root)
            for source, needed in zip(step.inputs, step.needs, strict=True):
                if needed:
                    self.written_at.setdefault(plan.root[source], []).append(2 * turn - time)

    def begin(self, root: int, buffer: Buffer) -> Buffer:
        """Record that a buffer holds the gradient of a value."""
        self.users.setdefault(id(buffer), []).append(root)
        return buffer

    def may_join(self, step: Step, root: int, own: Buffer, now: int) -> bool:
        """Return whether the gradient of an input may share the buffer of the output's gradient."""
        memory = step.layer.memory
        alive = [user for user in self.users[id(own)] if self.read_at[user] > now]
        if memory.in_place:
            return not alive
        if not memory.sums_inputs or sum(self.root[source] == root for source in step.inputs) > 1:
            return False
        return all(self._apart(root, user, now) and self._apart(user, root, now) for user in alive)

    def _apart(self, one: int, other: int, now: int) -> bool:
        """Return whether no write to `one` after `now` changes the gradient of `other`."""
        until = self.read_at[other]
        written = all(time <= now or time > until for time in self.written_at.get(one, ()))
        return written and (one not in self.overwritten or self.read_at[one] > until)
