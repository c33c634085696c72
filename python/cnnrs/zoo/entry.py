"""Entries of the zoo: networks as functions from a node to a node, and their default sizes."""

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
        Function from the input node and the number of classes to the output node.
    input_shape, num_classes : default values
        Of the data that the network was made for.
    """

    build: Build
    input_shape: tuple[int, int, int]
    num_classes: int = 10


def chain(x: Node, *layers: Layer) -> Node:
    """Apply layers in a chain, and return the node of the output."""
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
    """Apply a convolution without bias, batch normalisation (which has a bias), an activation."""
    x = Conv2D(filters, kernel_size, use_bias=False, name=name, **more)(x)
    x = BatchNorm(name=None if name is None else f"{name}_norm")(x)
    return x if activation is None else activation()(x)
