"""The memory that a run of a model will take, worked out before it runs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

from cnnrs import ops
from cnnrs.layers import Conv2D
from cnnrs.model.plan import Plan, Step, trains
from cnnrs.model.prepared import sliding, transforms

if TYPE_CHECKING:
    from cnnrs.model.model import Model

__all__ = ["Footprint", "conv2d_geometry", "footprint"]

# Bytes of the views and contexts that a run holds for one step of a plan.
PER_STEP = 5_000


@dataclass(frozen=True, slots=True)
class Footprint:
    """Bytes of one kind of run.

    Attributes
    ----------
    parameters : int
        Values, and state such as running means.
    gradients, optimizer_state : int
        Only in training.
    workspace : int
        Activations, their gradients and what layers keep, with memory shared where lifetimes allow.
    scratch : int
        What else is held: transformed filters and tiles in the kernels, weights on their way to
        being prepared, views.
    prepared : int
        Weights transformed once, or with a batch normalisation folded in; only in prediction.
    """

    parameters: int
    gradients: int
    optimizer_state: int
    workspace: int
    scratch: int
    prepared: int

    @property
    def total(self) -> int:
        """The sum: the peak of the run."""
        return (
            self.parameters
            + self.gradients
            + self.optimizer_state
            + self.workspace
            + self.scratch
            + self.prepared
        )


def footprint(model: Model, count: int, *, training: bool, slots: int = 1) -> Footprint:
    """The bytes that a training step or a prediction with so many samples will take.

    Parameters
    ----------
    model : Model
    count : int
        Samples in the batch.
    training : bool
    slots : int
        How many arrays of the size of the parameters the optimizer keeps.
    """
    plan, arena = model.plan_for(training=training), model.arena
    itemsize = model.dtype.itemsize
    caller: list[int] = []
    worker: list[int] = []
    prepared = highest = 0
    shapes = [node.shape for node in model.graph.nodes]
    for step in plan.steps:
        transform = not training and transforms(
            step.layer, shapes[step.inputs[0]], shapes[step.nodes[0]], count
        )
        folded = (
            sum(parameter.size for parameter in step.layer.parameters.values()) * itemsize
            if step.folded is not None
            else 0
        )
        if not transform:
            prepared += folded
        if not isinstance(step.layer, Conv2D):
            continue
        for direction in directions(plan, step):
            own, others, kept = ops.conv2d_scratch(
                *conv2d_geometry(plan, step, count),
                **sliding(step.layer),
                direction=direction,
                prepared=transform,
                max_pool=step.max_pool,
                dtype=model.dtype,
            )
            caller = [max(pair) for pair in zip_longest(caller, own, fillvalue=0)]
            worker = [max(pair) for pair in zip_longest(worker, others, fillvalue=0)]
            prepared += kept
        highest = max(highest, prepared + (folded if transform else 0))
    threads = ops.get_num_threads()
    trained = arena.size * itemsize if training else 0
    return Footprint(
        parameters=arena.nbytes,
        gradients=trained,
        optimizer_state=slots * trained,
        workspace=plan.bytes_per_sample * count,
        scratch=sum(caller)
        + (threads - 1) * sum(worker)
        + highest
        - prepared
        + PER_STEP * len(plan.steps),
        prepared=prepared,
    )


def directions(plan: Plan, step: Step) -> list[str]:
    """The passes of a convolution in a plan."""
    result = ["forward"]
    if step.backward and trains(step.layer):
        result.append("backward_weight")
    if step.backward and step.needs[0]:
        result.append("backward_input")
    return result


def conv2d_geometry(plan: Plan, step: Step, count: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Shapes of the input and the weight of a convolution."""
    return (count, *plan.graph.nodes[step.inputs[0]].shape), step.layer.parameters["weight"].shape


def output_bytes(plan: Plan, step: Step, count: int) -> int:
    """Bytes that a step writes in the forward pass: its output, and what it keeps for the backward
    pass.
    """
    size = math.prod(plan.graph.nodes[step.output].shape) * plan.dtype.itemsize
    return count * (
        size + sum(math.prod(shape) * kind.itemsize for _, shape, kind in step.scratch.values())
    )
