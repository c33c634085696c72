"""Residual networks, for ImageNet and for CIFAR."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from cnnrs.layers import (
    Add,
    AveragePool2D,
    Dense,
    GlobalAveragePool2D,
    MaxPool2D,
    Node,
    ReLU,
    ZeroPadChannels,
)
from cnnrs.zoo.entry import Entry, chain, conv_norm

__all__ = ["ENTRIES"]

Block = Callable[[Node, int, int, str], Node]


def basic_block(x: Node, filters: int, stride: int, name: str) -> Node:
    """Apply two 3x3 convolutions and add the input.

    If the shapes differ, the input passes through a 1x1 convolution (option B).
    """
    y = conv_norm(x, filters, 3, stride=stride, padding=1, name=f"{name}_conv1")
    y = conv_norm(y, filters, 3, padding=1, activation=None, name=f"{name}_conv2")
    return ReLU()(Add()([y, _projected(x, filters, stride, name)]))


def bottleneck_block(x: Node, filters: int, stride: int, name: str) -> Node:
    """Apply convolutions of 1x1, 3x3 and 1x1, the last with four times the filters.

    The stride is in the 3x3 convolution, as is usual today.
    """
    y = conv_norm(x, filters, 1, name=f"{name}_conv1")
    y = conv_norm(y, filters, 3, stride=stride, padding=1, name=f"{name}_conv2")
    y = conv_norm(y, 4 * filters, 1, activation=None, name=f"{name}_conv3")
    return ReLU()(Add()([y, _projected(x, 4 * filters, stride, name)]))


def subsampled_block(x: Node, filters: int, stride: int, name: str) -> Node:
    """Apply `basic_block` with a shortcut without parameters (option A).

    The shortcut takes every second pixel and adds channels of zeros on both sides.
    """
    y = conv_norm(x, filters, 3, stride=stride, padding=1, name=f"{name}_conv1")
    y = conv_norm(y, filters, 3, padding=1, activation=None, name=f"{name}_conv2")
    more = filters - x.shape[2]
    if stride > 1:
        x = AveragePool2D(1, stride=stride)(x)
    if more:
        x = ZeroPadChannels(more // 2, more - more // 2)(x)
    return ReLU()(Add()([y, x]))


def _projected(x: Node, filters: int, stride: int, name: str) -> Node:
    if x.shape[2] == filters and stride == 1:
        return x
    return conv_norm(x, filters, 1, stride=stride, activation=None, name=f"{name}_shortcut")


def _stages(x: Node, block: Block, counts: tuple[int, ...], first_filters: int) -> Node:
    """Apply stages of blocks. Each has twice the filters and half the size of the preceding one."""
    for stage, count in enumerate(counts):
        for index in range(count):
            x = block(
                x,
                first_filters << stage,
                2 if stage and not index else 1,
                f"layer{stage + 1}_{index}",
            )
    return x


def resnet(x: Node, classes: int, *, block: Block, counts: tuple[int, ...]) -> Node:
    """ResNet for ImageNet.

    References
    ----------
    K. He, X. Zhang, S. Ren, J. Sun: Deep Residual Learning for Image Recognition. CVPR 2016.
    """
    x = chain(
        conv_norm(x, 64, 7, stride=2, padding=3, name="conv1"), MaxPool2D(3, stride=2, padding=1)
    )
    return chain(
        _stages(x, block, counts, 64), GlobalAveragePool2D(), Dense(classes, name="linear")
    )


def resnet_cifar(x: Node, classes: int, *, depth: int) -> Node:
    """ResNet for CIFAR with ``6 n + 2`` layers: three stages of ``n`` blocks.

    The stages have 16, 32 and 64 channels.

    References
    ----------
    K. He, X. Zhang, S. Ren, J. Sun: Deep Residual Learning for Image Recognition. CVPR 2016,
    section 4.2.
    """
    x = conv_norm(x, 16, 3, padding=1, name="conv1")
    x = _stages(x, subsampled_block, ((depth - 2) // 6,) * 3, 16)
    return chain(x, GlobalAveragePool2D(), Dense(classes, name="linear"))


def resnet18_cifar(x: Node, classes: int) -> Node:
    """ResNet-18 for images of 32x32 pixels: it begins with a convolution of 3x3 and no pool."""
    x = conv_norm(x, 64, 3, padding=1, name="conv1")
    return chain(
        _stages(x, basic_block, (2, 2, 2, 2), 64),
        GlobalAveragePool2D(),
        Dense(classes, name="linear"),
    )


_IMAGENET: dict[int, tuple[Block, tuple[int, ...]]] = {
    18: (basic_block, (2, 2, 2, 2)),
    34: (basic_block, (3, 4, 6, 3)),
    50: (bottleneck_block, (3, 4, 6, 3)),
    101: (bottleneck_block, (3, 4, 23, 3)),
    152: (bottleneck_block, (3, 8, 36, 3)),
}

ENTRIES = {
    **{
        f"resnet{depth}": Entry(partial(resnet, block=block, counts=counts), (224, 224, 3), 1000)
        for depth, (block, counts) in _IMAGENET.items()
    },
    **{
        f"resnet{depth}-cifar": Entry(partial(resnet_cifar, depth=depth), (32, 32, 3))
        for depth in (20, 32, 44, 56, 110)
    },
    "resnet18-cifar": Entry(resnet18_cifar, (32, 32, 3)),
}
