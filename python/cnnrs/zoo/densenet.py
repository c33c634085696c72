"""DenseNet: the input of a layer is the outputs of all preceding layers of its block."""

from __future__ import annotations

from cnnrs.layers import (
    AveragePool2D,
    BatchNorm,
    Concat,
    Conv2D,
    Dense,
    GlobalAveragePool2D,
    MaxPool2D,
    Node,
    ReLU,
)
from cnnrs.zoo.entry import Entry, chain, conv_norm

__all__ = ["ENTRIES"]

GROWTH = 32  # channels that each layer adds
LAYERS = (6, 12, 24, 16)


def densenet121(x: Node, classes: int) -> Node:
    """DenseNet-121 (BC): a bottleneck of 1x1 before each 3x3, and half the channels between blocks.

    References
    ----------
    G. Huang, Z. Liu, L. van der Maaten, K. Weinberger: Densely Connected Convolutional Networks.
    CVPR 2017.
    """
    x = chain(conv_norm(x, 64, 7, stride=2, padding=3), MaxPool2D(3, stride=2, padding=1))
    for block, count in enumerate(LAYERS):
        if block:
            x = chain(
                x, BatchNorm(), ReLU(), Conv2D(x.shape[2] // 2, 1, use_bias=False), AveragePool2D(2)
            )
        for _ in range(count):
            y = chain(x, BatchNorm(), ReLU(), Conv2D(4 * GROWTH, 1, use_bias=False))
            y = chain(y, BatchNorm(), ReLU(), Conv2D(GROWTH, 3, padding=1, use_bias=False))
            x = Concat()([x, y])
    return chain(x, BatchNorm(), ReLU(), GlobalAveragePool2D(), Dense(classes))


ENTRIES = {"densenet121": Entry(densenet121, (224, 224, 3), 1000)}
