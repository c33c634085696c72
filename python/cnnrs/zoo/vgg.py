"""VGG: networks of 3x3 convolutions, and a similar one for CIFAR-10."""

from __future__ import annotations

from functools import partial

from cnnrs.layers import BatchNorm, Conv2D, Dense, Dropout, Flatten, MaxPool2D, Node, ReLU
from cnnrs.zoo.entry import Entry, chain

__all__ = ["ENTRIES"]

CHANNELS = (64, 128, 256, 512, 512)
# Convolutions before each of the five pools: configurations A, B, D and E of the paper.
CONVOLUTIONS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}


def vgg(x: Node, classes: int, *, depth: int, batch_norm: bool) -> Node:
    """VGG of 11, 13, 16 or 19 layers with weights.

    Batch normalisation was added later; the convolutions before it keep their bias.

    References
    ----------
    K. Simonyan, A. Zisserman: Very Deep Convolutional Networks for Large-Scale Image Recognition.
    ICLR 2015.
    """
    for channels, count in zip(CHANNELS, CONVOLUTIONS[depth], strict=True):
        for _ in range(count):
            x = Conv2D(channels, 3, padding=1)(x)
            if batch_norm:
                x = BatchNorm()(x)
            x = ReLU()(x)
        x = MaxPool2D(2)(x)
    x = chain(x, Flatten(), Dense(4096), ReLU(), Dropout(0.5), Dense(4096), ReLU(), Dropout(0.5))
    return Dense(classes)(x)


def vgg_cifar(x: Node, classes: int) -> Node:
    """Three stages of 64, 128 and 256 channels, then dropout and a dense layer.

    A stage has two 3x3 convolutions with batch normalisation, and a pool.
    """
    for channels in (64, 128, 256):
        for _ in range(2):
            x = chain(x, Conv2D(channels, 3, padding=1), BatchNorm(), ReLU())
        x = MaxPool2D(2)(x)
    return chain(x, Flatten(), Dropout(0.5), Dense(classes))


ENTRIES = {
    **{
        f"vgg{depth}": Entry(partial(vgg, depth=depth, batch_norm=False), (224, 224, 3), 1000)
        for depth in CONVOLUTIONS
    },
    **{
        f"vgg{depth}-bn": Entry(partial(vgg, depth=depth, batch_norm=True), (224, 224, 3), 1000)
        for depth in CONVOLUTIONS
    },
    "vgg-cifar": Entry(vgg_cifar, (32, 32, 3)),
}
