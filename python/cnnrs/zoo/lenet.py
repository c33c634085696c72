"""LeNet-5, in its usual form and as published."""

from __future__ import annotations

from cnnrs.layers import (
    AveragePool2D,
    Conv2D,
    Dense,
    Flatten,
    MaxPool2D,
    Node,
    ReLU,
    Tanh,
)
from cnnrs.zoo.entry import Entry, chain
from cnnrs.zoo.lenet_layers import ChannelScale, RBFCodes, TableConv2D

__all__ = ["ENTRIES"]

# Table I of the paper: which of the six maps of S2 each of the sixteen maps of C3 sees.
C3_TABLE = (
    *((i, (i + 1) % 6, (i + 2) % 6) for i in range(6)),
    *((i, (i + 1) % 6, (i + 2) % 6, (i + 3) % 6) for i in range(6)),
    *((0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5)),
    (0, 1, 2, 3, 4, 5),
)


def lenet5(x: Node, classes: int) -> Node:
    """LeNet-5 in its usual form, with ReLU, max pooling and all connections.

    Images of 28x28 pixels are padded by 2.

    References
    ----------
    Y. LeCun et al.: Gradient-based learning applied to document recognition. Proceedings of the
    IEEE, 1998.
    """
    x = chain(
        x,
        Conv2D(6, 5, padding=2),
        ReLU(),
        MaxPool2D(2),
        Conv2D(16, 5),
        ReLU(),
        MaxPool2D(2),
        Flatten(),
    )
    return chain(x, Dense(120), ReLU(), Dense(84), ReLU(), Dense(classes))


def lenet5_original(x: Node, classes: int) -> Node:
    """LeNet-5 as published, for 32x32 pixels.

    Subsampling is trainable, C3 has a table of connections, activations are tanh, and the output is
    the distances to fixed codes.

    Its 60,000 parameters: C1 156, S2 12, C3 1,516, S4 32, C5 48,120, F6 10,164; the codes are not
    trained. The subsampling scales the mean of four pixels, where the paper scales their sum. The
    paper scales tanh to 1.7159 tanh(2/3 x); here it is plain.

    References
    ----------
    Y. LeCun et al.: Gradient-based learning applied to document recognition. Proceedings of the
    IEEE, 1998.
    """
    x = chain(x, Conv2D(6, 5, weight_initializer="lecun_normal", name="c1"), Tanh())
    x = chain(x, AveragePool2D(2), ChannelScale(name="s2"), Tanh())
    x = chain(x, TableConv2D(C3_TABLE, 5, name="c3"), Tanh())
    x = chain(x, AveragePool2D(2), ChannelScale(name="s4"), Tanh())
    x = chain(x, Conv2D(120, 5, weight_initializer="lecun_normal", name="c5"), Tanh())
    return chain(
        x,
        Flatten(),
        Dense(84, weight_initializer="lecun_normal", name="f6"),
        Tanh(),
        RBFCodes(classes, name="output"),
    )


ENTRIES = {
    "lenet5": Entry(lenet5, (28, 28, 1)),
    "lenet5-original": Entry(lenet5_original, (32, 32, 1)),
}
