"""MobileNet V1 and V2: networks of depthwise convolutions with few multiply-adds."""

from __future__ import annotations

from cnnrs.layers import (
    Add,
    BatchNorm,
    Dense,
    DepthwiseConv2D,
    Dropout,
    GlobalAveragePool2D,
    Layer,
    Node,
    ReLU,
    ReLU6,
)
from cnnrs.zoo.entry import Entry, chain, conv_norm

__all__ = ["ENTRIES"]

V1_BLOCKS = (
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    *((512, 1),) * 5,
    (1024, 2),
    (1024, 1),
)  # filters, stride
# Expansion, filters, repetitions, stride of the first: table 2 of the paper on V2.
V2_BLOCKS = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def _depthwise(x: Node, stride: int, activation: type[Layer]) -> Node:
    return chain(
        x,
        DepthwiseConv2D(3, stride=stride, padding="same", use_bias=False),
        BatchNorm(),
        activation(),
    )


def mobilenet_v1(x: Node, classes: int) -> Node:
    """MobileNet: thirteen pairs of a depthwise and a 1x1 convolution, with TensorFlow's padding.

    References
    ----------
    A. Howard et al.: MobileNets: Efficient Convolutional Neural Networks for Mobile Vision
    Applications. arXiv:1704.04861, 2017.
    """
    x = conv_norm(x, 32, 3, stride=2, padding="same")
    for filters, stride in V1_BLOCKS:
        x = conv_norm(_depthwise(x, stride, ReLU), filters, 1)
    return chain(x, GlobalAveragePool2D(), Dense(classes))


def inverted_residual(x: Node, expansion: int, filters: int, stride: int) -> Node:
    """Expand by 1x1, filter by a depthwise 3x3, project by 1x1 without activation.

    The input is added if it has the shape of the output.
    """
    y = x if expansion == 1 else conv_norm(x, expansion * x.shape[2], 1, activation=ReLU6)
    y = conv_norm(_depthwise(y, stride, ReLU6), filters, 1, activation=None)
    return Add()([x, y]) if stride == 1 and x.shape[2] == filters else y


def mobilenet_v2(x: Node, classes: int) -> Node:
    """MobileNetV2: inverted residuals with linear bottlenecks.

    References
    ----------
    M. Sandler, A. Howard, M. Zhu, A. Zhmoginov, L. Chen: MobileNetV2: Inverted Residuals and Linear
    Bottlenecks. CVPR 2018.
    """
    x = conv_norm(x, 32, 3, stride=2, padding="same", activation=ReLU6)
    for expansion, filters, count, stride in V2_BLOCKS:
        for index in range(count):
            x = inverted_residual(x, expansion, filters, 1 if index else stride)
    x = conv_norm(x, 1280, 1, activation=ReLU6)
    return chain(x, GlobalAveragePool2D(), Dropout(0.2), Dense(classes))


ENTRIES = {
    "mobilenet-v1": Entry(mobilenet_v1, (224, 224, 3), 1000),
    "mobilenet-v2": Entry(mobilenet_v2, (224, 224, 3), 1000),
}
