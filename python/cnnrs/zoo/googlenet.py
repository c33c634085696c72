"""GoogLeNet: modules of four parallel branches."""

from __future__ import annotations

from cnnrs.layers import (
    Concat,
    Conv2D,
    Dense,
    Dropout,
    GlobalAveragePool2D,
    LocalResponseNorm,
    MaxPool2D,
    Node,
    ReLU,
)
from cnnrs.zoo.entry import Entry, chain

__all__ = ["ENTRIES"]

# Table 1 of the paper: filters of 1x1; reduction and filters of 3x3; reduction and filters of 5x5;
# projection after the pool.
STAGES = (
    ((64, (96, 128), (16, 32), 32), (128, (128, 192), (32, 96), 64)),
    (
        (192, (96, 208), (16, 48), 64),
        (160, (112, 224), (24, 64), 64),
        (128, (128, 256), (24, 64), 64),
        (112, (144, 288), (32, 64), 64),
        (256, (160, 320), (32, 128), 128),
    ),
    ((256, (160, 320), (32, 128), 128), (384, (192, 384), (48, 128), 128)),
)


def inception(
    x: Node, single: int, triple: tuple[int, int], five: tuple[int, int], projection: int, name: str
) -> Node:
    """Concatenate the outputs of convolutions of 1, 3 and 5 pixels and of a pool."""
    return Concat(name=name)(
        [
            chain(x, Conv2D(single, 1), ReLU()),
            chain(x, Conv2D(triple[0], 1), ReLU(), Conv2D(triple[1], 3, padding=1), ReLU()),
            chain(x, Conv2D(five[0], 1), ReLU(), Conv2D(five[1], 5, padding=2), ReLU()),
            chain(x, MaxPool2D(3, stride=1, padding=1), Conv2D(projection, 1), ReLU()),
        ]
    )


def googlenet(x: Node, classes: int) -> Node:
    """GoogLeNet as published, with convolutions of 5x5.

    The auxiliary heads, which prediction does not use, are left out.

    References
    ----------
    C. Szegedy et al.: Going Deeper with Convolutions. CVPR 2015.
    """
    x = chain(x, Conv2D(64, 7, stride=2, padding=3), ReLU(), _pool(), _response_norm())
    x = chain(
        x, Conv2D(64, 1), ReLU(), Conv2D(192, 3, padding=1), ReLU(), _response_norm(), _pool()
    )
    for stage, modules in enumerate(STAGES, start=3):
        if stage > 3:
            x = _pool()(x)
        for letter, filters in zip("abcde", modules, strict=False):
            x = inception(x, *filters, name=f"inception_{stage}{letter}")
    return chain(x, GlobalAveragePool2D(), Dropout(0.4), Dense(classes))


def _pool() -> MaxPool2D:
    return MaxPool2D(3, stride=2, rounding="ceil")


def _response_norm() -> LocalResponseNorm:
    """Return the layer with the constants of BVLC GoogLeNet in Caffe; the paper gives none."""
    return LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1.0)


ENTRIES = {"googlenet": Entry(googlenet, (224, 224, 3), 1000)}
