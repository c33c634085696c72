"""Steps of a plan: the layers of a graph in order, fused by the rules of `fusion`.

The values of a plan are numbered. The output of node ``i`` of the graph has number ``i``. A layer
that is followed by an activation (`Layer.followed_by`) makes two values: the value between the two
has a number after all nodes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cnnrs.layers import Layer
from cnnrs.layers.base import trains
from cnnrs.layers.fused import Alias
from cnnrs.layers.node import Shape, kind_of
from cnnrs.model.graph.graph import Graph
from cnnrs.model.plan import fusion
from cnnrs.model.plan.placement import Buffer

__all__ = ["Step", "Steps"]


@dataclass(slots=True)
class Step:
    """One layer that runs, perhaps a fused one.

    Attributes
    ----------
    layer : Layer
    inputs : tuple of int
        The values that it reads.
    output : int
        The value that it computes.
    nodes : tuple of int
        The nodes of the graph that run in it.
    stream : int
        The number of its stream of random numbers.
    name : str
        The names of the nodes: ``conv2d_1 + batch_norm_1 + relu_1``.
    backward : bool
        Whether there are gradients to compute.
    needs : tuple of bool
        For each input, whether its gradient is needed.
    starts : tuple of bool
        For each input, whether this step is the first of the backward pass to write its gradient.
    scratch : dict of str to (Buffer, shape, dtype)
    """

    layer: Layer
    inputs: tuple[int, ...]
    output: int
    nodes: tuple[int, ...]
    stream: int
    name: str
    backward: bool = False
    needs: tuple[bool, ...] = ()
    starts: tuple[bool, ...] = ()
    scratch: dict[str, tuple[Buffer, Shape, np.dtype[Any]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Part:
    """One layer of the graph, or the activation that follows it."""

    layer: Layer
    inputs: tuple[int, ...]
    output: int
    node: int
    name: str


class Steps:
    """The steps of a plan, and what is known about the values.

    Parameters
    ----------
    graph : Graph
    dtype : dtype
    training : bool
        Whether there is a backward pass.
    input_gradients : bool
        Whether the gradients of the inputs are computed.

    Attributes
    ----------
    steps : list of Step
    shapes : list of shapes
        For each value.
    root : list of int
        For each value, the value with which it shares its memory because both are equal.
    dropped : list of str
        The nodes that need not run, with the reason.
    """

    def __init__(
        self, graph: Graph, dtype: np.dtype[Any], *, training: bool, input_gradients: bool
    ) -> None:
        self.graph = graph
        self.dtype = dtype
        self.training = training
        self.shapes = [node.shape for node in graph.nodes]
        self.steps: list[Step] = []
        self.dropped: list[str] = []
        parts = self._parts()
        self.root = list(range(len(self.shapes)))
        self._fuse(parts)
        self._mark_gradients(parts, input_gradients)

    def _parts(self) -> list[Part]:
        """List the layers of the graph, with the activations that follow them."""
        graph, parts = self.graph, []
        for index, (node, sources) in enumerate(zip(graph.nodes, graph.sources, strict=True)):
            layer, name = node.layer, graph.node_name(index)
            if layer is None:
                continue
            activation = layer.followed_by
            if activation is None:
                parts.append(Part(layer, sources, index, index, name))
                continue
            between = len(self.shapes)
            self.shapes.append(node.shape)
            parts.append(Part(layer, sources, between, index, name))
            name = f"{name} ({kind_of(activation)})"
            parts.append(Part(activation, (between,), index, index, name))
        return parts

    def _fuse(self, parts: list[Part]) -> None:
        """Make the steps: each part fused into the preceding step, or left out, or on its own."""
        alone = self._read_once(parts)
        non_negative = [False] * len(self.shapes)
        step_of: dict[int, Step] = {}
        for part in parts:
            known = [non_negative[source] for source in part.inputs]
            sign = part.layer.facts.non_negative
            non_negative[part.output] = sign == "always" or (sign == "keeps" and all(known))
            source = part.inputs[0]
            before = step_of.get(source) if len(part.inputs) == 1 and source in alone else None
            result = self._apply_rules(before, part, all(known))
            if isinstance(result, Alias):
                self.root[part.output] = self.root[source]
                if result.reason:
                    self.dropped.append(f"{part.name} ({result.reason})")
            elif result is not None and before is not None:
                before.layer, before.output = result, part.output
                if part.node not in before.nodes:
                    before.nodes += (part.node,)
                before.name = " + ".join(self.graph.node_name(node) for node in before.nodes)
                step_of[part.output] = step_of.pop(source)
            else:
                layer, nodes = result or part.layer, (part.node,)
                step = Step(layer, part.inputs, part.output, nodes, part.node, part.name)
                step_of[part.output] = step
                self.steps.append(step)

    def _read_once(self, parts: list[Part]) -> set[int]:
        """Return the values that one layer reads, and that are no outputs of the model."""
        readers: dict[int, int] = {}
        for part in parts:
            for source in set(part.inputs):
                readers[source] = readers.get(source, 0) + 1
        return {value for value, count in readers.items() if count == 1} - set(self.graph.outputs)

    def _apply_rules(self, before: Step | None, part: Part, non_negative: bool) -> Layer | None:
        facts = fusion.PairFacts(
            self.training,
            self.dtype,
            () if before is None else tuple(self.shapes[source] for source in before.inputs),
            self.shapes[part.inputs[0]],
            non_negative,
        )
        first = None if before is None else before.layer
        for rule in fusion.RULES:
            result = rule(first, part.layer, facts)
            if result is not None:
                return result
        return None

    def _mark_gradients(self, parts: list[Part], input_gradients: bool) -> None:
        """Mark the values that need a gradient: those that depend on a trainable parameter."""
        needed = [False] * len(self.shapes)
        for value in self.graph.inputs:
            needed[value] = self.training and input_gradients
        for part in parts:
            needed[part.output] = (self.training and trains(part.layer)) or any(
                needed[source] for source in part.inputs
            )
        for step in self.steps:
            step.backward = needed[step.output]
            step.needs = tuple(needed[source] for source in step.inputs)
