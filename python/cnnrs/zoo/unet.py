"""U-Net for segmentation: downsampling and upsampling paths with skip connections."""

from __future__ import annotations

from cnnrs.layers import Concat, Conv2D, Conv2DTranspose, Crop2D, MaxPool2D, Node, ReLU
from cnnrs.zoo.entry import Entry, chain

__all__ = ["ENTRIES"]

FILTERS = (64, 128, 256, 512, 1024)


def _two_convolutions(x: Node, filters: int) -> Node:
    return chain(x, Conv2D(filters, 3), ReLU(), Conv2D(filters, 3), ReLU())


def _cropped_to(x: Node, size: tuple[int, ...]) -> Node:
    """Crop the centre of an image. An odd pixel is cropped at the bottom and right."""
    more = [mine - wanted for mine, wanted in zip(x.shape, size, strict=True)][:2]
    return Crop2D([[item // 2, item - item // 2] for item in more])(x)


def unet(x: Node, classes: int) -> Node:
    """U-Net as published, with one logit per class and pixel.

    Convolutions have no padding, so that images of 572x572 pixels have 388x388 labels.

    References
    ----------
    O. Ronneberger, P. Fischer, T. Brox: U-Net: Convolutional Networks for Biomedical Image
    Segmentation. MICCAI 2015.
    """
    across: list[Node] = []
    for filters in FILTERS[:-1]:
        across.append(_two_convolutions(x, filters))
        x = MaxPool2D(2)(across[-1])
    x = _two_convolutions(x, FILTERS[-1])
    for filters in reversed(FILTERS[:-1]):
        x = Conv2DTranspose(filters, 2, stride=2)(x)
        left = across.pop()
        x = _two_convolutions(
            Concat()([_cropped_to(left, (*x.shape[:2], left.shape[2])), x]), filters
        )
    return Conv2D(classes, 1)(x)


ENTRIES = {"unet": Entry(unet, (572, 572, 1), 2)}
