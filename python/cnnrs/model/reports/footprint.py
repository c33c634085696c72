"""Bytes that a run of a model will take, worked out before it runs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import zip_longest

from cnnrs import ops
from cnnrs.layers import Work
from cnnrs.layers.base import trains
from cnnrs.layers.geometry import Kernel
from cnnrs.model.network import Network
from cnnrs.model.plan.plan import Plan
from cnnrs.model.plan.step import Step

__all__ = ["Footprint", "footprint", "kernels_run", "output_bytes", "work_of"]

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
        Activations, their gradients and the scratch arrays of layers, with memory shared where
        lifetimes allow.
    scratch : int
        Further memory: transformed filters and tiles in the kernels, weights that are being
        prepared, views.
    prepared : int
        Weights that are transformed once, or into which batch normalisation is folded; only in
        prediction.
    """

    parameters: int
    gradients: int
    optimizer_state: int
    workspace: int
    scratch: int
    prepared: int

    @property
    def total(self) -> int:
        """The sum, which is the peak of the run."""
        return (
            self.parameters
            + self.gradients
            + self.optimizer_state
            + self.workspace
            + self.scratch
            + self.prepared
        )


def footprint(network: Network, count: int, *, training: bool, slots: int = 1) -> Footprint:
    """Return the bytes that a training step or a prediction of `count` samples will take.

    Parameters
    ----------
    network : Network
    count : int
        Samples in the batch.
    training : bool
    slots : int
        Number of arrays of the size of the parameters that the optimizer keeps.
    """
    plan, arena = network.runtime.plan_for(training=training), network.runtime.arena
    caller: list[int] = []
    worker: list[int] = []
    prepared = highest = 0
    for step in plan.steps:
        work = work_of(plan, step)
        kernels = [kernel for run in kernels_run(plan, step, work).values() for kernel in run]
        folded = work.folded * network.dtype.itemsize
        transformed = any(kernel.is_prepared(count, training=training) for kernel in kernels)
        if not transformed:
            prepared += folded
        for kernel in kernels:
            own, others, kept = kernel.scratch(count, network.dtype, training=training)
            caller = [max(pair) for pair in zip_longest(caller, own, fillvalue=0)]
            worker = [max(pair) for pair in zip_longest(worker, others, fillvalue=0)]
            prepared += kept
        highest = max(highest, prepared + (folded if transformed else 0))
    threads = ops.get_num_threads()
    trained = arena.size * network.dtype.itemsize if training else 0
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


def work_of(plan: Plan, step: Step) -> Work:
    """Return the work of a step."""
    return step.layer.work(*(plan.shapes[source] for source in step.inputs))


def kernels_run(plan: Plan, step: Step, work: Work) -> dict[str, list[Kernel]]:
    """Return the kernels of each pass that a plan runs of a step."""
    passes = {
        "forward": True,
        "backward_weight": step.backward and trains(step.layer),
        "backward_input": step.backward and any(step.needs),
    }
    return {
        name: [kernel for kernel in work.kernels if kernel.layer_pass == name]
        for name, runs in passes.items()
        if runs
    }


def output_bytes(plan: Plan, step: Step, count: int) -> int:
    """Return the bytes that a step writes in the forward pass: output and scratch arrays."""
    size = math.prod(plan.shapes[step.output]) * plan.dtype.itemsize
    return count * (
        size + sum(math.prod(shape) * kind.itemsize for _, shape, kind in step.scratch.values())
    )
