"""The plan: what a model does in one run, worked out once: which layers run as one step, and where
in memory each array lives.

Three things are decided here. *Fusion*: a ReLU runs inside the convolution, dense layer, batch
normalisation or sum in front of it; in prediction, batch normalisation is worked into the weights
in front of it, and a convolution of few filters keeps only what a max-pooling behind it would keep;
a ReLU on what is never negative, a `Flatten`, and `Dropout` in prediction do not run at all.
*Lifetimes*: time counts the steps forward, then the same steps backward; an array lives from the
step that writes it to the last that reads it. *Sharing*: arrays whose lifetimes do not meet share
memory, element-wise steps write over their input where nobody reads that again, and the gradients
of all inputs of a sum are one array where they stay equal. All sizes are bytes of one sample, so
that one plan serves every batch size.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cnnrs.layers import Layer
from cnnrs.layers.node import Shape
from cnnrs.model.graph import Graph
from cnnrs.model.layout import Buffer, place
from cnnrs.model.memory import round_up

__all__ = ["Plan", "Step"]


@dataclass(slots=True)
class Step:
    """One layer that runs.

    Attributes
    ----------
    layer : Layer
    inputs : tuple of int
        The nodes that it reads.
    output : int
        The node that it computes: the last of those that run in it.
    nodes : tuple of int
        The nodes that run in it: that of the layer, and of what was fused in.
    stream : int
        The ordinal of its random numbers.
    activation : str or None
        Fused in.
    folded : Layer or None
        An affine layer, worked into the weights.
    max_pool : bool
        Whether a max-pooling by 2 × 2 is fused in.
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
    activation: str | None = None
    folded: Layer | None = None
    max_pool: bool = False
    backward: bool = False
    needs: tuple[bool, ...] = ()
    starts: tuple[bool, ...] = ()
    scratch: dict[str, tuple[Buffer, Shape, np.dtype[Any]]] = field(default_factory=dict)


class Plan:
    """The steps of a run of one kind.

    Parameters
    ----------
    graph : Graph
    dtype : dtype
    training : bool
        Whether there is a backward pass.
    input_gradients : bool
        Whether that ends in the gradients of the inputs.

    Attributes
    ----------
    steps : list of Step
    root : list of int
        For each node, the node whose memory it shares because it is that node in another shape.
    values, gradients : dict of int to Buffer
        By root.
    bytes_per_sample : int
        Size of the block of memory for a batch of one.
    fused, dropped : list of str
        What was decided, for people.
    """

    def __init__(
        self, graph: Graph, dtype: np.dtype[Any], *, training: bool, input_gradients: bool = False
    ) -> None:
        self.graph = graph
        self.dtype = dtype
        self.training = training
        self.input_gradients = input_gradients
        self.steps: list[Step] = []
        self.root = list(range(len(graph.nodes)))
        self.values: dict[int, Buffer] = {}
        self.gradients: dict[int, Buffer] = {}
        self.fused: list[str] = []
        self.dropped: list[str] = []
        self._make_steps()
        self._mark_gradients()
        self._time_values()
        if training:
            self._time_gradients()
        scratch = [buffer for step in self.steps for buffer, _, _ in step.scratch.values()]
        unique = {
            id(buffer): buffer
            for buffer in (*self.values.values(), *self.gradients.values(), *scratch)
        }
        self.bytes_per_sample = place(list(unique.values()))

    # --- steps ------------------------------------------------------------------------------------
    def _make_steps(self) -> None:
        graph = self.graph
        readers = graph.consumers()
        put_out = set(graph.outputs)
        non_negative = [False] * len(graph.nodes)
        step_of: dict[int, Step] = {}
        for index, (node, sources) in enumerate(zip(graph.nodes, graph.sources, strict=True)):
            layer = node.layer
            if layer is None:
                continue
            traits = layer.traits
            non_negative[index] = traits.non_negative == "always" or (
                traits.non_negative == "keeps" and all(non_negative[source] for source in sources)
            )
            source = sources[0]
            if traits.activation == "relu" and non_negative[source]:
                self.root[index] = self.root[source]
                self.dropped.append(
                    f"{graph.node_name(index)} (what {graph.node_name(source)} gives is never "
                    "negative)"
                )
                continue
            if traits.view or (traits.identity_in_prediction and not self.training):
                self.root[index] = self.root[source]
                if not traits.view:
                    self.dropped.append(f"{graph.node_name(index)} (does nothing in prediction)")
                continue
            before = (
                step_of.get(source)
                if readers[source] == [index] and source not in put_out
                else None
            )
            if before is not None and self._joins(before, layer):
                del step_of[source]
                before.output = index
                before.nodes += (index,)
                step_of[index] = before
                continue
            step = Step(layer, sources, index, (index,), stream=index)
            step_of[index] = step
            self.steps.append(step)
        self.fused = [self.step_name(step) for step in self.steps if len(step.nodes) > 1]

    def _joins(self, step: Step, layer: Layer) -> bool:
        """Whether a layer can run inside the step in front of it; if so, it does."""
        if step.max_pool:
            return False
        nodes = self.graph.nodes
        if not self.training and step.layer.pools(
            layer, nodes[step.inputs[0]].shape, nodes[step.output].shape, self.dtype
        ):
            step.max_pool = True
            return True
        if step.activation is not None:
            return False
        if (
            layer.traits.activation is not None
            and layer.traits.activation in step.layer.traits.fuses
        ):
            step.activation = layer.traits.activation
            return True
        if (
            layer.traits.affine_in_prediction
            and not self.training
            and step.layer.traits.folds
            and step.folded is None
        ):
            step.folded = layer
            return True
        return False

    def step_name(self, step: Step) -> str:
        """The layers that run in a step: ``conv2d_1 + batch_norm_1 + relu_1``."""
        return " + ".join(self.graph.node_name(index) for index in step.nodes)

    def _mark_gradients(self) -> None:
        """Decide for which nodes a gradient is computed: those behind which something is trained."""
        graph = self.graph
        wanted = [False] * len(graph.nodes)
        for index, (node, sources) in enumerate(zip(graph.nodes, graph.sources, strict=True)):
            layer = node.layer
            if layer is None:
                wanted[index] = self.training and self.input_gradients
            else:
                wanted[index] = (self.training and trains(layer)) or any(
                    wanted[source] for source in sources
                )
        for step in self.steps:
            step.backward = wanted[step.output]
            step.needs = tuple(wanted[source] for source in step.inputs)

    # --- lifetimes --------------------------------------------------------------------------------
    def _time_values(self) -> None:
        """Give every value and scratch array its buffer; the steps run forward at times 0, 1, ...
        and backward after ``turn``.
        """
        graph, turn = self.graph, len(self.steps)
        written_by = {self.root[step.output]: time for time, step in enumerate(self.steps)}
        for index in range(len(graph.nodes)):
            if self.root[index] == index and (
                index in written_by or graph.nodes[index].layer is None
            ):
                time = written_by.get(index, -1)
                self.values[index] = Buffer(
                    self._bytes(graph.nodes[index].shape, self.dtype), time, time
                )
        for output in graph.outputs:
            self.values[self.root[output]].last = turn
        for time, step in enumerate(self.steps):
            backward_time = 2 * turn - time
            traits = step.layer.traits
            for source in step.inputs:
                buffer = self.values[self.root[source]]
                buffer.last = max(
                    buffer.last, backward_time if step.backward and traits.saves_input else time
                )
            if step.backward and (traits.saves_output or step.activation is not None):
                buffer = self.values[self.root[step.output]]
                buffer.last = max(buffer.last, backward_time)
            shapes = (graph.nodes[source].shape for source in step.inputs)
            for name, (shape, dtype) in step.layer.scratch(*shapes).items():
                kind = self.dtype if dtype is None else np.dtype(dtype)
                last = backward_time if step.backward else time
                step.scratch[name] = (Buffer(self._bytes(shape, kind), time, last), shape, kind)
        for time, step in enumerate(self.steps):
            traits = step.layer.traits
            for source in (
                step.inputs[: 2 if traits.sums_inputs else 1]
                if traits.sums_inputs or traits.in_place
                else ()
            ):
                root = self.root[source]
                before, after = self.values[root], self.values[self.root[step.output]]
                alone = sum(self.root[other] == root for other in step.inputs) == 1
                if (
                    alone
                    and before.size == after.size
                    and before.last == time
                    and graph.nodes[root].layer is not None
                ):
                    before.last = max(before.last, after.last)
                    self.values[self.root[step.output]] = before
                    break

    def _time_gradients(self) -> None:
        """Give every gradient that is needed its buffer: from the first step backward that writes
        it to the one that reads it.
        """
        graph, turn = self.graph, len(self.steps)
        sharing = Sharing(self)
        begun: set[int] = set()
        for output in graph.outputs:
            root = self.root[output]
            if root not in begun:
                self.gradients[root] = sharing.begin(
                    root, Buffer(self._bytes(graph.nodes[root].shape, self.dtype), turn, turn)
                )
            begun.add(root)
        for time in reversed(range(turn)):
            step, now = self.steps[time], 2 * turn - time
            if not step.backward:
                continue
            own = self.gradients.get(self.root[step.output])
            if own is None:  # a step whose output nobody uses
                continue
            own.last = max(own.last, now)
            starts = []
            for source, needed in zip(step.inputs, step.needs, strict=True):
                root = self.root[source]
                starts.append(root not in begun)
                if not needed:
                    continue
                if root in begun:
                    self.gradients[root].last = max(self.gradients[root].last, now)
                    continue
                begun.add(root)
                size = self._bytes(graph.nodes[root].shape, self.dtype)
                if size == own.size and sharing.may_join(step, root, own, now):
                    self.gradients[root] = sharing.begin(root, own)
                else:
                    self.gradients[root] = sharing.begin(root, Buffer(size, now, now))
            step.starts = tuple(starts)
        if self.input_gradients:
            for index in graph.inputs:
                if index in self.gradients:
                    self.gradients[index].last = 2 * turn + 1

    @staticmethod
    def _bytes(shape: Shape, dtype: np.dtype[Any]) -> int:
        size = dtype.itemsize
        for extent in shape:
            size *= extent
        return round_up(size)


class Sharing:
    """Which gradients may be one array.

    An element-wise step writes the gradient of its input over that of its output; a sum hands the
    gradient of its output to all its inputs. Either is allowed only while nobody reads the array
    afterwards in the belief that it holds something else.
    """

    def __init__(self, plan: Plan) -> None:
        turn = len(plan.steps)
        self.read_at: dict[
            int, int
        ] = {}  # by root: when the step that computes it reads its gradient, for the last time
        self.written_at: dict[int, list[int]] = {}  # when steps write or add to it
        self.overwritten: set[int] = set()  # by the step that reads it
        self.users: dict[
            int, list[int]
        ] = {}  # by buffer: whose gradient it is, in the order of joining
        self.root = plan.root
        for index, root in enumerate(plan.root):
            if root == index:
                self.read_at[root] = 2 * turn + 1
        for time, step in enumerate(plan.steps):
            root = plan.root[step.output]
            self.read_at[root] = 2 * turn - time
            if step.layer.traits.writes_gradient or step.activation is not None:
                self.overwritten.add(root)
            for source, needed in zip(step.inputs, step.needs, strict=True):
                if needed:
                    self.written_at.setdefault(plan.root[source], []).append(2 * turn - time)

    def begin(self, root: int, buffer: Buffer) -> Buffer:
        """Note whose gradient a buffer is."""
        self.users.setdefault(id(buffer), []).append(root)
        return buffer

    def may_join(self, step: Step, root: int, own: Buffer, now: int) -> bool:
        """Whether the gradient of one input of a step may be the array that holds the gradient of
        its output.
        """
        traits = step.layer.traits
        alive = [user for user in self.users[id(own)] if self.read_at[user] > now]
        if traits.in_place:
            return not alive
        if not traits.sums_inputs or sum(self.root[source] == root for source in step.inputs) > 1:
            return False
        return all(self._apart(root, user, now) and self._apart(user, root, now) for user in alive)

    def _apart(self, one: int, other: int, now: int) -> bool:
        """Whether nothing that happens to the gradient of `one` after `now` disturbs that of
        `other`.
        """
        until = self.read_at[other]
        written = all(time <= now or time > until for time in self.written_at.get(one, ()))
        return written and (one not in self.overwritten or self.read_at[one] > until)


def trains(layer: Layer) -> bool:
    """Whether a layer has parameters that are trained."""
    return layer.trainable and any(parameter.trainable for parameter in layer.parameters.values())
