"""SqueezeNet: the accuracy of AlexNet with one fiftieth of the parameters."""

from __future__ import annotations

from cnnrs.layers import Concat, Conv2D, Dropout, GlobalAveragePool2D, MaxPool2D, Node, ReLU
from cnnrs.zoo.entry import Entry, chain

__all__ = ["ENTRIES"]

# Filters of the squeeze convolution and of each expand convolution, fire2 to fire9.
FIRES = ((16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256))


def fire(x: Node, squeeze: int, expand: int, name: str) -> Node:
    """Apply a convolution of 1x1 to few channels, then 1x1 and 3x3 side by side."""
    x = chain(x, Conv2D(squeeze, 1, name=f"{name}_squeeze1x1"), ReLU())
    single = chain(x, Conv2D(expand, 1, name=f"{name}_expand1x1"), ReLU())
    triple = chain(x, Conv2D(expand, 3, padding=1, name=f"{name}_expand3x3"), ReLU())
    return Concat(name=name)([single, triple])


def _body(x: Node, classes: int, pools_before: tuple[int, ...], last_padding: int) -> Node:
    for number, filters in enumerate(FIRES, start=2):
        if number in pools_before:
            x = MaxPool2D(3, stride=2, rounding="ceil")(x)
        x = fire(x, *filters, name=f"fire{number}")
    return chain(
        x,
        Dropout(0.5),
        Conv2D(classes, 1, padding=last_padding, name="conv10"),
        ReLU(),
        GlobalAveragePool2D(),
    )


def squeezenet_1_0(x: Node, classes: int) -> Node:
    """SqueezeNet 1.0 as its authors released it, for 227x227 pixels.

    The last convolution has padding 1.

    References
    ----------
    F. Iandola et al.: SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model
    size. arXiv:1602.07360, 2016.
    """
    return _body(chain(x, Conv2D(96, 7, stride=2, name="conv1"), ReLU()), classes, (2, 5, 9), 1)


def squeezenet_1_1(x: Node, classes: int) -> Node:
    """SqueezeNet 1.1: a smaller first convolution and earlier pools, less than half the work.

    References
    ----------
    F. Iandola et al.: SqueezeNet v1.1, https://github.com/forresti/SqueezeNet, 2016.
    """
    return _body(chain(x, Conv2D(64, 3, stride=2, name="conv1"), ReLU()), classes, (2, 4, 6), 0)


ENTRIES = {
    "squeezenet1.0": Entry(squeezenet_1_0, (227, 227, 3), 1000),
    "squeezenet1.1": Entry(squeezenet_1_1, (227, 227, 3), 1000),
}
