"""Execution plan: fuses layers into steps and assigns every array its place in memory.

A plan is made once per model and kind of run. `step` makes the steps by the rules of `fusion`,
`lifetimes` decides from when to when each array lives and which arrays may share memory, and
`placement` puts the arrays into one block.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnrs.model.graph.graph import Graph
from cnnrs.model.plan.lifetimes import gradient_buffers, value_buffers
from cnnrs.model.plan.placement import Buffer, place
from cnnrs.model.plan.step import Steps

__all__ = ["Plan"]


class Plan:
    """The steps of one kind of run.

    Parameters
    ----------
    graph : Graph
    dtype : dtype
    training : bool
        Whether there is a backward pass.
    input_gradients : bool
        Whether the backward pass computes the gradients of the inputs.

    Attributes
    ----------
    steps : list of Step
    shapes : list of shapes
        For each value, without the batch axis.
    root : list of int
        For each value, the value with which it shares its memory because both are equal.
    values, gradients : dict of int to Buffer
        By root.
    bytes_per_sample : int
        Size of the block of memory for a batch of one.
    fused, dropped : list of str
        The decisions, as text.
    """

    def __init__(
        self, graph: Graph, dtype: np.dtype[Any], *, training: bool, input_gradients: bool = False
    ) -> None:
        self.graph = graph
        self.dtype = dtype
        self.training = training
        self.input_gradients = input_gradients
        made = Steps(graph, dtype, training=training, input_gradients=input_gradients)
        self.steps, self.shapes, self.root = made.steps, made.shapes, made.root
        self.dropped = made.dropped
        self.fused = [step.name for step in self.steps if len(step.nodes) > 1]
        self.values = value_buffers(made)
        self.gradients: dict[int, Buffer] = {}
        if training:
            self.gradients = gradient_buffers(made, input_gradients=input_gradients)
        scratch = [buffer for step in self.steps for buffer, _, _ in step.scratch.values()]
        buffers = (*self.values.values(), *self.gradients.values(), *scratch)
        unique = {id(buffer): buffer for buffer in buffers}
        self.bytes_per_sample = place(list(unique.values()))
