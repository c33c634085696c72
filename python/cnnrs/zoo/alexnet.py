"""AlexNet with and without groups, and ZFNet."""

from __future__ import annotations

from cnnrs.layers import (
    AdaptiveAveragePool2D,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    LocalResponseNorm,
    MaxPool2D,
    Node,
    ReLU,
)
from cnnrs.zoo.entry import Entry, chain

__all__ = ["ENTRIES"]


def alexnet(x: Node, classes: int) -> Node:
    """AlexNet in one column, without response normalisation, as torchvision builds it.

    References
    ----------
    A. Krizhevsky: One weird trick for parallelizing convolutional neural networks. arXiv:1404.5997,
    2014.
    """
    x = chain(x, Conv2D(64, 11, stride=4, padding=2), ReLU(), MaxPool2D(3, stride=2))
    x = chain(x, Conv2D(192, 5, padding=2), ReLU(), MaxPool2D(3, stride=2))
    x = chain(
        x,
        Conv2D(384, 3, padding=1),
        ReLU(),
        Conv2D(256, 3, padding=1),
        ReLU(),
        Conv2D(256, 3, padding=1),
        ReLU(),
    )
    x = chain(x, MaxPool2D(3, stride=2), AdaptiveAveragePool2D(6), Flatten())
    return chain(
        x, Dropout(0.5), Dense(4096), ReLU(), Dropout(0.5), Dense(4096), ReLU(), Dense(classes)
    )


def alexnet_grouped(x: Node, classes: int) -> Node:
    """AlexNet as published, for 227x227 pixels.

    Convolutions two, four and five have two groups, which were computed on two graphics cards.

    References
    ----------
    A. Krizhevsky, I. Sutskever, G. Hinton: ImageNet Classification with Deep Convolutional Neural
    Networks. NeurIPS 2012.
    """
    x = chain(x, Conv2D(96, 11, stride=4), ReLU(), _response_norm(), MaxPool2D(3, stride=2))
    x = chain(
        x, Conv2D(256, 5, padding=2, groups=2), ReLU(), _response_norm(), MaxPool2D(3, stride=2)
    )
    x = chain(x, Conv2D(384, 3, padding=1), ReLU(), Conv2D(384, 3, padding=1, groups=2), ReLU())
    x = chain(x, Conv2D(256, 3, padding=1, groups=2), ReLU(), MaxPool2D(3, stride=2), Flatten())
    return chain(
        x, Dense(4096), ReLU(), Dropout(0.5), Dense(4096), ReLU(), Dropout(0.5), Dense(classes)
    )


def zfnet(x: Node, classes: int) -> Node:
    """AlexNet with smaller windows and strides in the first layers.

    References
    ----------
    M. Zeiler, R. Fergus: Visualizing and Understanding Convolutional Networks. ECCV 2014.
    """
    x = chain(
        x,
        Conv2D(96, 7, stride=2, padding=1),
        ReLU(),
        MaxPool2D(3, stride=2, rounding="ceil"),
        _response_norm(),
    )
    x = chain(
        x,
        Conv2D(256, 5, stride=2),
        ReLU(),
        MaxPool2D(3, stride=2, rounding="ceil"),
        _response_norm(),
    )
    x = chain(
        x,
        Conv2D(384, 3, padding=1),
        ReLU(),
        Conv2D(384, 3, padding=1),
        ReLU(),
        Conv2D(256, 3, padding=1),
        ReLU(),
    )
    x = chain(x, MaxPool2D(3, stride=2), Flatten())
    return chain(
        x, Dense(4096), ReLU(), Dropout(0.5), Dense(4096), ReLU(), Dropout(0.5), Dense(classes)
    )


def _response_norm() -> LocalResponseNorm:
    """Return the layer of section 3.3 of the AlexNet paper.

    There 1e-4 is the factor of a sum, here `alpha` is the factor of a mean over five channels.
    """
    return LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)


ENTRIES = {
    "alexnet": Entry(alexnet, (224, 224, 3), 1000),
    "alexnet-grouped": Entry(alexnet_grouped, (227, 227, 3), 1000),
    "zfnet": Entry(zfnet, (224, 224, 3), 1000),
}
