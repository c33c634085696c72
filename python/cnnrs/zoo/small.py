"""Small networks without branches."""

from __future__ import annotations

from cnnrs.layers import Conv2D, Dense, Dropout, Flatten, MaxPool2D, Node, ReLU
from cnnrs.zoo.entry import Entry, chain

__all__ = ["ENTRIES"]


def small(x: Node, classes: int) -> Node:
    """Three convolutions and dropout, for images of 8 to 32 pixels."""
    x = chain(
        x,
        Conv2D(32, 3, padding="same"),
        ReLU(),
        Conv2D(32, 3, padding="same"),
        ReLU(),
        MaxPool2D(2),
        Dropout(0.25),
    )
    return chain(
        x,
        Conv2D(64, 3, padding="same"),
        ReLU(),
        MaxPool2D(2),
        Flatten(),
        Dropout(0.5),
        Dense(classes),
    )


def classic(x: Node, classes: int) -> Node:
    """Input, Conv, ReLU, Conv, ReLU, Pool, ReLU, Conv, ReLU, Pool, Fully Connected."""
    x = chain(
        x,
        Conv2D(32, 5, padding="same"),
        ReLU(),
        Conv2D(32, 5, padding="same"),
        ReLU(),
        MaxPool2D(2),
        ReLU(),
    )
    return chain(x, Conv2D(64, 5, padding="same"), ReLU(), MaxPool2D(2), Flatten(), Dense(classes))


ENTRIES = {"classic": Entry(classic, (32, 32, 3)), "small": Entry(small, (8, 8, 1))}
