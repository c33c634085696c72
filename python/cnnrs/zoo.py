"""The zoo: networks by name, built with fresh weights.

Images go in as they are trained on; pass ``preprocessing=`` a layer such as `cnnrs.layers.Rescale` to have their scaling saved with
the model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from numpy.typing import DTypeLike

from cnnrs import _arguments
from cnnrs.errors import ArgumentError
from cnnrs.layers import Conv2D, Dense, Dropout, Flatten, Layer, MaxPool2D, ReLU
from cnnrs.model import Model, Sequential

__all__ = ["create", "names"]


@dataclass(frozen=True)
class Entry:
    """One network of the zoo.

    Attributes
    ----------
    layers : callable
        From the number of classes to the layers.
    input_shape, num_classes : default values
    """

    layers: Callable[[int], list[Layer]]
    input_shape: tuple[int, int, int]
    num_classes: int = 10


def _small(classes: int) -> list[Layer]:
    """For images of 8 to 32 pixels: three convolutions and dropout."""
    return [
        Conv2D(32, 3, padding="same"),
        ReLU(),
        Conv2D(32, 3, padding="same"),
        ReLU(),
        MaxPool2D(2),
        Dropout(0.25),
        Conv2D(64, 3, padding="same"),
        ReLU(),
        MaxPool2D(2),
        Flatten(),
        Dropout(0.5),
        Dense(classes),
    ]


def _classic(classes: int) -> list[Layer]:
    """Input -> Conv -> ReLU -> Conv -> ReLU -> Pool -> ReLU -> Conv -> ReLU -> Pool -> Fully Connected."""
    return [
        Conv2D(32, 5, padding="same"),
        ReLU(),
        Conv2D(32, 5, padding="same"),
        ReLU(),
        MaxPool2D(2),
        ReLU(),
        Conv2D(64, 5, padding="same"),
        ReLU(),
        MaxPool2D(2),
        Flatten(),
        Dense(classes),
    ]


def _lenet5(classes: int) -> list[Layer]:
    """LeNet-5 with ReLU and max pooling, as it is usually built today."""
    return [
        Conv2D(6, 5, padding=2),
        ReLU(),
        MaxPool2D(2),
        Conv2D(16, 5),
        ReLU(),
        MaxPool2D(2),
        Flatten(),
        Dense(120),
        ReLU(),
        Dense(84),
        ReLU(),
        Dense(classes),
    ]


_ENTRIES: dict[str, Entry] = {
    "classic": Entry(_classic, (32, 32, 3)),
    "lenet5": Entry(_lenet5, (28, 28, 1)),
    "small": Entry(_small, (8, 8, 1)),
}


def names() -> list[str]:
    """The names that `create` knows.

    Examples
    --------
    >>> "lenet5" in names()
    True
    """
    return sorted(_ENTRIES)


def create(
    name: str,
    *,
    input_shape: Sequence[int] | None = None,
    num_classes: int | None = None,
    seed: int = 0,
    class_names: Sequence[str] | None = None,
    preprocessing: Layer | Sequence[Layer] = (),
    dtype: DTypeLike = "float32",
) -> Model:
    """Build a network with fresh weights.

    Parameters
    ----------
    name : str
        One of `names`.
    input_shape : (height, width, channels), optional
        By default that of the data the network was made for.
    num_classes : int, optional
        By default as many as there are class names, else those of that data.
    seed : int
    class_names : sequence of str, optional
        Saved with the model.
    preprocessing : Layer or sequence of Layer
        In front of the network, saved with it: ``Rescale(1 / 255)`` for uint8 images.
    dtype : {"float32", "float64"}

    Returns
    -------
    Model

    Raises
    ------
    ArgumentError
        For an unknown name.
    ShapeError
        For images too small for the network.

    Examples
    --------
    >>> create("lenet5").num_parameters
    61706
    >>> create("classic").num_parameters
    120298
    """
    entry = _ENTRIES.get(name) if isinstance(name, str) else None
    if entry is None:
        raise ArgumentError(f"name: expected one of {', '.join(names())}, got {name!r}")
    if num_classes is None:
        num_classes = entry.num_classes if class_names is None else len(class_names)
    classes = _arguments.integer("num_classes", num_classes, 1)
    first = [preprocessing] if isinstance(preprocessing, Layer) else list(preprocessing)
    shape = entry.input_shape if input_shape is None else input_shape
    return Sequential(shape, [*first, *entry.layers(classes)], seed=seed, dtype=dtype, class_names=class_names)
