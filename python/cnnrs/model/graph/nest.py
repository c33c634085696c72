"""Applies a model to nodes: its layers become part of a larger graph."""

from __future__ import annotations

from cnnrs.errors import ShapeError
from cnnrs.layers import Node
from cnnrs.layers.node import Prefix, apply, shape_text
from cnnrs.model.network import Network

__all__ = ["nest"]


def nest(network: Network, nodes: tuple[Node, ...]) -> Node | list[Node]:
    """Apply a copy of the graph to other nodes; the layers and their parameters are shared.

    Returns
    -------
    Node, or list of Node
        A list for several outputs.
    """
    graph = network.graph
    inputs = network.inputs
    if len(nodes) != len(inputs):
        raise ShapeError(f"the model has {len(inputs)} inputs, got {len(nodes)} nodes")
    for node, mine in zip(nodes, inputs, strict=True):
        if node.shape != mine.shape:
            raise ShapeError(
                f"the model takes {shape_text(mine.shape)}, got a node of {shape_text(node.shape)}"
            )
    kind = "sequential" if type(network).__name__ == "Sequential" else "model"
    prefix = Prefix(kind, network.name, graph.names)
    copies: list[Node] = list(nodes)
    for original, sources in zip(
        graph.nodes[len(nodes) :], graph.sources[len(nodes) :], strict=True
    ):
        assert original.layer is not None
        copy = apply(original.layer, tuple(copies[source] for source in sources))
        copy.prefix = prefix
        copies.append(copy)
    results = [copies[index] for index in graph.outputs]
    return results[0] if len(results) == 1 else results
