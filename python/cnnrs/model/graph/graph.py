"""The graph of a model: its nodes in order of computation, the names of its layers, its heads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from cnnrs.errors import ArgumentError, DTypeError
from cnnrs.layers import Layer, Node
from cnnrs.layers.node import ancestors, layer_names

__all__ = ["Graph", "as_nodes"]


class Graph:
    """Nodes from inputs to outputs.

    Attributes
    ----------
    nodes : list of Node
        Inputs first, in the order given; then each node after those that it reads.
    inputs, outputs : tuple of int
        Their positions in `nodes`.
    sources : list of tuple of int
        For each node, the positions of the nodes that it reads.
    names : dict of Layer to str
    layers : list of Layer
        Each layer once, in the order of the nodes.
    node_names : list of str
        For each node, the name of its layer or input. Further uses of a shared layer are numbered:
        ``dense_1:2``.

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
        self.names: dict[Layer, str] = layer_names(self.nodes)
        self.layers: list[Layer] = list(self.names)
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
        """Return for each node the positions of the nodes that read it."""
        readers: list[list[int]] = [[] for _ in self.nodes]
        for index, sources in enumerate(self.sources):
            for source in sources:
                if index not in readers[source]:
                    readers[source].append(index)
        return readers

    def node_name(self, index: int) -> str:
        """Return the name of the layer that computes a node, or of an input."""
        return self.node_names[index]

    def heads(self) -> set[Layer]:
        """Return the layers that end the model: no further weights or activations follow.

        Softmax, dropout and averages may follow. Unless an initializer is given, the weight of a
        head starts small.
        """
        found: set[Layer] = set()
        for output in self.outputs:
            index = output
            layer: Layer | None = self.nodes[index].layer
            while layer is not None and layer.head == "keeps":
                index = self.sources[index][0]
                layer = self.nodes[index].layer
            if layer is not None and layer.head == "yes" and layer.followed_by is None:
                found.add(layer)
        return found

    def find(self, name: str) -> int:
        """Return the position of the node with this name.

        Raises
        ------
        ArgumentError
            If there is no such node.
        """
        if name in self._place_of_name:
            return self._place_of_name[name]
        raise ArgumentError(
            f"name: the model has no layer {name!r}; it has {', '.join(self.names.values())}"
        )


def as_nodes(name: str, nodes: Node | Sequence[Node]) -> tuple[Node, ...]:
    """Return one node or several as a tuple."""
    if isinstance(nodes, Node):
        return (nodes,)
    if not isinstance(nodes, (list, tuple)) or not all(isinstance(node, Node) for node in nodes):
        raise DTypeError(
            f"{name}: expected a node or a list of nodes (of cnnrs.Input, or results of layers), "
            f"got {type(nodes).__name__}"
        )
    return tuple(nodes)
