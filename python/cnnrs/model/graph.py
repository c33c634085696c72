"""The graph of a model: its nodes in an order in which they can be computed, the names of its
layers, and which of them are its heads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from cnnrs.errors import ArgumentError, DTypeError
from cnnrs.layers import (
    AveragePool2D,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool2D,
    Layer,
    Node,
    Softmax,
)
from cnnrs.layers.node import ancestors, layer_names

__all__ = ["Graph"]

# what may stand between the head and the output: these keep a small start small
_BEHIND_HEAD = (Softmax, Flatten, Dropout, AveragePool2D, GlobalAveragePool2D)


class Graph:
    """Nodes from inputs to outputs.

    Attributes
    ----------
    nodes : list of Node
        Inputs first, in the order given; then each node after those that it reads.
    inputs, outputs : tuple of int
        Their places in `nodes`.
    sources : list of tuple of int
        For each node, the places of the nodes that it reads.
    names : dict of Layer to str
    layers : list of Layer
        Each once, in the order of the nodes.
    node_names : list of str
        For each node, the name of its layer (with a number, from the second time on, for a shared
        layer), or of an input.

    Raises
    ------
    ArgumentError
        If the outputs depend on an input that is not given, or an input leads nowhere.
    """

    def __init__(self, inputs: Sequence[Node], outputs: Sequence[Node]) -> None:
        for node in inputs:
            if node.layer is not None:
                raise ArgumentError(
                    "inputs: expected nodes made by cnnrs.Input, got the output of "
                    f"{type(node.layer).__name__}"
                )
        if len(set(inputs)) != len(inputs):
            raise ArgumentError("inputs: an input is given twice")
        if not inputs or not outputs:
            raise ArgumentError("a model needs at least one input and one output")
        needed = ancestors(outputs)
        given, reached = set(inputs), set(needed)
        missing = [node for node in needed if node.layer is None and node not in given]
        if missing:
            raise ArgumentError(
                f"inputs: the outputs also depend on {missing[0]!r}; add it to the inputs of the "
                "model"
            )
        unused = [node for node in inputs if node not in reached]
        if unused:
            raise ArgumentError(f"inputs: {unused[0]!r} leads to no output; leave it out")
        self.nodes = [*inputs, *(node for node in needed if node.layer is not None)]
        place = {node: index for index, node in enumerate(self.nodes)}
        self.inputs = tuple(range(len(inputs)))
        self.outputs = tuple(place[node] for node in outputs)
        self.sources = [tuple(place[source] for source in node.inputs) for node in self.nodes]
        self.names = layer_names(self.nodes)
        self.layers = list(self.names)
        self.node_names = self._node_names()
        self._place_of_name = {
            name: index for index, name in reversed(list(enumerate(self.node_names)))
        }

    def _node_names(self) -> list[str]:
        names: list[str] = []
        times: Counter[Layer] = Counter()
        for index, node in enumerate(self.nodes):
            if node.layer is None:
                names.append(
                    node.name or ("input" if len(self.inputs) == 1 else f"input_{index + 1}")
                )
                continue
            times[node.layer] += 1
            names.append(
                self.names[node.layer] + (f":{times[node.layer]}" if times[node.layer] > 1 else "")
            )
        return names

    def consumers(self) -> list[list[int]]:
        """For each node, the places of those that read it."""
        readers: list[list[int]] = [[] for _ in self.nodes]
        for index, sources in enumerate(self.sources):
            for source in sources:
                if index not in readers[source]:
                    readers[source].append(index)
        return readers

    def node_name(self, index: int) -> str:
        """Name of the layer that computes a node, or of an input."""
        return self.node_names[index]

    def heads(self) -> set[Layer]:
        """The `Dense` and `Conv2D` layers whose output reaches an output of the model by no further
        weights and no activation but softmax.

        Without an initialiser of its own, the weight of a head starts small.
        """
        found: set[Layer] = set()
        for output in self.outputs:
            index = output
            while isinstance(self.nodes[index].layer, _BEHIND_HEAD):
                index = self.sources[index][0]
            layer = self.nodes[index].layer
            if isinstance(layer, (Dense, Conv2D)) and layer.activation is None:
                found.add(layer)
        return found

    def find(self, name: str) -> int:
        """Place of the node with that name.

        Raises
        ------
        ArgumentError
            If there is none.
        """
        if name in self._place_of_name:
            return self._place_of_name[name]
        raise ArgumentError(
            f"name: the model has no layer {name!r}; it has {', '.join(self.names.values())}"
        )


def as_nodes(name: str, nodes: Node | Sequence[Node]) -> tuple[Node, ...]:
    """One node or several, as a tuple."""
    if isinstance(nodes, Node):
        return (nodes,)
    if not isinstance(nodes, (list, tuple)) or not all(isinstance(node, Node) for node in nodes):
        raise DTypeError(
            f"{name}: expected a node or a list of nodes (cnnrs.Input, and what layers return), "
            f"got {type(nodes).__name__}"
        )
    return tuple(nodes)
