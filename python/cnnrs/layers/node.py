"""Nodes of a graph: a `Node` is the output of a layer, or an input, before there is any data.

Calling a layer on nodes makes a new node, whose shape is known at once. A call that cannot work
fails there, with the chain of shapes that leads to it. Shapes describe one sample: ``(height,
width, channels)`` or ``(features,)``, without the batch axis.
"""

from __future__ import annotations

import inspect
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from cnnrs import _arguments
from cnnrs.errors import ArgumentError, CnnrsError, DTypeError, ShapeError

__all__ = ["Input", "Node", "Shape", "ancestors", "apply", "kind_of", "layer_names", "shape_text"]

Shape: TypeAlias = tuple[int, ...]

# Where a word of a class name starts: "Conv2DTranspose" has the words "conv2d" and "transpose".
_WORD_START = r"(?<=[a-z0-9])(?=[A-Z][a-z])|(?<=[0-9]D)(?=[A-Z])"


class Node:
    """One value in a graph: the output of a layer, or an input.

    Parameters
    ----------
    layer : Layer or None
        The layer that computes the value; None for an input.
    inputs : tuple of Node
        The nodes that the layer reads.
    shape : tuple of int
        Shape of one sample.
    name : str, optional
        Name of an input.

    See Also
    --------
    Input : Make the nodes that a graph starts from.
    """

    __slots__ = ("inputs", "layer", "name", "prefix", "shape")

    def __init__(
        self, layer: Any, inputs: tuple[Node, ...], shape: Shape, name: str | None = None
    ) -> None:
        self.layer = layer
        self.inputs = inputs
        self.shape = shape
        self.name = name
        self.prefix: Prefix | None = None

    def __repr__(self) -> str:
        source = "Input" if self.layer is None else type(self.layer).__name__
        return f"<Node {shape_text(self.shape)} from {source}>"

    def __bool__(self) -> bool:
        raise DTypeError(
            "a node has no value yet; build a cnnrs.Model of it and call that on an array"
        )


class Prefix:
    """A nested model within a graph: the names of its layers, and the prefix of these names."""

    __slots__ = ("kind", "name", "names")

    def __init__(self, kind: str, name: str | None, names: dict[Any, str]) -> None:
        self.kind = kind
        self.name = name
        self.names = names


def Input(shape: int | Sequence[int], *, name: str | None = None) -> Node:
    """Make a node where data enters a graph.

    Parameters
    ----------
    shape : int or sequence of int
        Shape of one sample, without the batch axis: ``(height, width, channels)`` or
        ``(features,)``.
    name : str, optional
        Shown in errors and in the summary.

    Returns
    -------
    Node

    Examples
    --------
    >>> from cnnrs.layers import Conv2D
    >>> x = Input((32, 32, 3))
    >>> Conv2D(16, 3, padding="same")(x).shape
    (32, 32, 16)
    """
    return Node(None, (), sample_shape(shape), name)


def sample_shape(shape: int | Sequence[int]) -> Shape:
    """Return the shape of one sample as a tuple of sizes of at least 1."""
    items = tuple(shape) if _arguments.is_sequence(shape) else (shape,)  # type: ignore[arg-type]
    if not items:
        raise ShapeError(
            "input_shape: expected at least one size, such as (height, width, channels), got ()"
        )
    return tuple(_arguments.size("input_shape", item, 1) for item in items)


def shape_text(shape: Shape) -> str:
    """Write a shape the way people do.

    Examples
    --------
    >>> shape_text((28, 28, 3))
    '28x28x3'
    """
    return "x".join(map(str, shape))


def ancestors(outputs: Iterable[Node]) -> list[Node]:
    """Return the outputs and all nodes that they depend on, each after its inputs.

    The order depends on the graph alone.
    """
    order: list[Node] = []
    seen: set[Node] = set()
    for output in outputs:
        stack = [(output, False)]
        while stack:
            node, expanded = stack.pop()
            if expanded:
                order.append(node)
            elif node not in seen:
                seen.add(node)
                stack.append((node, True))
                stack.extend(
                    (source, False) for source in reversed(node.inputs) if source not in seen
                )
    return order


def kind_of(layer: Any) -> str:
    """Return the name of a layer's class, written like a variable.

    Examples
    --------
    >>> from cnnrs.layers import BatchNorm, Conv2DTranspose
    >>> kind_of(BatchNorm()), kind_of(Conv2DTranspose(8, 3))
    ('batch_norm', 'conv2d_transpose')
    """
    return re.sub(_WORD_START, "_", type(layer).__name__).lower()


def layer_names(nodes: Sequence[Node]) -> dict[Any, str]:
    """Return the name of every layer of a graph, whose nodes are in topological order.

    A layer keeps the name it was given. The others are numbered by kind: ``conv2d_1``,
    ``conv2d_2``, ... The name of a nested model precedes the names of its layers:
    ``backbone.conv2d_1``.

    Raises
    ------
    ArgumentError
        If two layers were given one name.
    """
    own = [node.layer for node in nodes if node.layer is not None and node.prefix is None]
    owner: dict[str, Any] = {}
    for layer in own:
        if layer._name_given and owner.setdefault(layer.name or "", layer) is not layer:
            raise ArgumentError(
                f"name: two layers are called {layer.name!r}; names within a model must differ"
            )
    for layer in own:  # keep the number of an earlier model, unless another layer has it
        if layer.name is not None:
            owner.setdefault(layer.name, layer)
    names: dict[Any, str] = {}
    prefixes: dict[Prefix, str] = {}
    taken = set(owner)
    counts: Counter[str] = Counter()

    def numbered(kind: str) -> str:
        while True:
            counts[kind] += 1
            name = f"{kind}_{counts[kind]}"
            if name not in taken:
                return name

    for node in nodes:
        if node.layer is None or node.layer in names:
            continue
        layer, prefix = node.layer, node.prefix
        if prefix is not None:
            if prefix not in prefixes:
                prefixes[prefix] = (
                    prefix.name
                    if prefix.name and prefix.name not in taken
                    else numbered(prefix.kind)
                )
                taken.add(prefixes[prefix])
            name = f"{prefixes[prefix]}.{prefix.names[layer]}"
        elif layer.name is not None and owner[layer.name] is layer:
            name = layer.name
        else:
            name = numbered(kind_of(layer))
        taken.add(name)
        names[layer] = name
    return names


def apply(layer: Any, inputs: tuple[Node, ...]) -> Node:
    """Apply a layer to nodes, and return the node of its output.

    Raises
    ------
    CnnrsError
        The error of the layer, after the chain of shapes that leads to it.
    """
    shapes = [node.shape for node in inputs]
    try:
        _check_number(layer, shapes)
        shape = layer.build(*shapes)
    except CnnrsError as error:
        raise type(error)(f"{_chain(layer, inputs)}: {error}") from error
    if not (
        isinstance(shape, tuple) and shape and all(type(size) is int and size > 0 for size in shape)
    ):
        raise ShapeError(
            f"{_chain(layer, inputs)}: {type(layer).__name__}.build must return a tuple of sizes "
            f"of at least 1, got {shape!r}"
        )
    return Node(layer, inputs, shape)


def _check_number(layer: Any, shapes: Sequence[Shape]) -> None:
    """Raise an error unless `build` takes this number of inputs."""
    signature = inspect.signature(layer.build)
    try:
        signature.bind(*shapes)
    except TypeError:
        kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        most = sum(parameter.kind in kinds for parameter in signature.parameters.values())
        raise ShapeError(
            f"{type(layer).__name__} takes {most} input{'s' * (most != 1)}, got {len(shapes)}; "
            "Add, Multiply and Concat join several"
        ) from None


def _chain(layer: Any, inputs: tuple[Node, ...]) -> str:
    """Write the shapes from the first input to the layer that does not fit.

    For example ``input 28x28x1 -> conv2d_1 24x24x32 -> dense_1``.
    """
    fault = Node(layer, inputs, ())
    names = layer_names(ancestors([fault]))
    links = [names[layer]]
    node = inputs[0] if inputs else None
    while node is not None:
        label = node.name or "input" if node.layer is None else names[node.layer]
        links.append(f"{label} {shape_text(node.shape)}")
        node = node.inputs[0] if node.inputs else None
    if len(inputs) > 1:
        links[0] += f" of {' and '.join(shape_text(source.shape) for source in inputs)}"
    return " -> ".join(reversed(links))
