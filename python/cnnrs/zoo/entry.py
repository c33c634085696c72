"""What the zoo knows of one network, and how networks are written down here: as functions from a
node to a node.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cnnrs.layers import BatchNorm, Conv2D, Layer, Node, ReLU

__all__ = ["Build", "Entry", "chain", "conv_norm"]

Build = Callable[[Node, int], Node]


@dataclass(frozen=True, slots=True)
class Entry:
    """One network of the zoo.

    Attributes
    ----------
    build : callable
        From the input and the number of classes to the output.
    input_shape, num_classes : default values
        Those of the data that the network was made for.
    """

    build: Build
    input_shape: tuple[int, int, int]
    num_classes: int = 10


def chain(x: Node, *layers: Layer) -> Node:
    """The node behind a chain of layers."""
    for layer in layers:
        x = layer(x)
    return x


def conv_norm(
    x: Node,
    filters: int,
    kernel_size: int,
    *,
    activation: type[Layer] | None = ReLU,
    name: str | None = None,
    **more: Any,
) -> Node:
    """A convolution without bias, batch normalisation, which brings its own, and an activation."""
    x = Conv2D(filters, kernel_size, use_bias=False, name=name, **more)(x)
    x = BatchNorm(name=None if name is None else f"{name}_norm")(x)
    return x if activation is None else activation()(x)
