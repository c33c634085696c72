"""Networks without dense layers, for CIFAR-10: Network in Network and All-CNN-C."""

from __future__ import annotations

from cnnrs.layers import AveragePool2D, Conv2D, Dropout, GlobalAveragePool2D, MaxPool2D, Node, ReLU
from cnnrs.zoo.entry import Entry, chain

__all__ = ["ENTRIES"]


def nin(x: Node, classes: int) -> Node:
    """Network in Network: each convolution is followed by two of 1x1.

    The last one has one map per class, and the mean of the map is the output.

    References
    ----------
    M. Lin, Q. Chen, S. Yan: Network In Network. ICLR 2014.
    """
    x = chain(x, Conv2D(192, 5, padding=2), ReLU(), Conv2D(160, 1), ReLU(), Conv2D(96, 1), ReLU())
    x = chain(x, MaxPool2D(3, stride=2, rounding="ceil"), Dropout(0.5))
    x = chain(x, Conv2D(192, 5, padding=2), ReLU(), Conv2D(192, 1), ReLU(), Conv2D(192, 1), ReLU())
    x = chain(x, AveragePool2D(3, stride=2, rounding="ceil"), Dropout(0.5))
    x = chain(
        x, Conv2D(192, 3, padding=1), ReLU(), Conv2D(192, 1), ReLU(), Conv2D(classes, 1), ReLU()
    )
    return GlobalAveragePool2D()(x)


def all_cnn_c(x: Node, classes: int) -> Node:
    """All-CNN-C: strides instead of pooling.

    References
    ----------
    J. Springenberg, A. Dosovitskiy, T. Brox, M. Riedmiller: Striving for Simplicity: The All
    Convolutional Net. ICLR 2015 workshop.
    """
    x = Dropout(0.2)(x)
    for channels in (96, 192):
        for stride in (1, 1, 2):
            x = chain(x, Conv2D(channels, 3, stride=stride, padding=1), ReLU())
        x = Dropout(0.5)(x)
    x = chain(x, Conv2D(192, 3), ReLU(), Conv2D(192, 1), ReLU(), Conv2D(classes, 1), ReLU())
    return GlobalAveragePool2D()(x)


ENTRIES = {"nin-cifar10": Entry(nin, (32, 32, 3)), "all-cnn-c": Entry(all_cnn_c, (32, 32, 3))}
