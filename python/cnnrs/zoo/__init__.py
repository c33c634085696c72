"""Zoo: networks by name, built with new weights.

Each network is a function from the input node to the output node, with a reference to its paper.
Shapes and numbers of parameters are the published ones. The networks take images as they were
trained on; to save their scaling with the model, pass a layer such as `cnnrs.layers.Rescale` as
``preprocessing``.
"""

from __future__ import annotations

from collections.abc import Sequence

from numpy.typing import DTypeLike

from cnnrs import _arguments
from cnnrs.errors import ArgumentError
from cnnrs.layers import Input, Layer
from cnnrs.model import Model
from cnnrs.zoo import (
    alexnet,
    all_convolutional,
    densenet,
    googlenet,
    lenet,
    mobilenet,
    resnet,
    small,
    squeezenet,
    unet,
    vgg,
)
from cnnrs.zoo.entry import Entry, chain

__all__ = ["create", "names"]

ENTRIES: dict[str, Entry] = {
    **alexnet.ENTRIES,
    **all_convolutional.ENTRIES,
    **densenet.ENTRIES,
    **googlenet.ENTRIES,
    **lenet.ENTRIES,
    **mobilenet.ENTRIES,
    **resnet.ENTRIES,
    **small.ENTRIES,
    **squeezenet.ENTRIES,
    **unet.ENTRIES,
    **vgg.ENTRIES,
}


def names() -> list[str]:
    """Return the names that `create` knows.

    Returns
    -------
    list of str
        In alphabetical order.

    Examples
    --------
    >>> "lenet5" in names(), "resnet50" in names()
    (True, True)
    """
    return sorted(ENTRIES)


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
    """Build a network with new weights, which are allocated when they are first needed.

    Parameters
    ----------
    name : str
        One of `names`.
    input_shape : (height, width, channels), optional
        By default the shape of the data that the network was made for.
    num_classes : int, optional
        By default the number of class names, or of classes in the data of the network.
    seed : int
    class_names : sequence of str, optional
        Saved with the model.
    preprocessing : Layer or sequence of Layer
        Layers before the network, saved with it: ``Rescale(1 / 255)`` for uint8 images.
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
    >>> create("resnet18", input_shape=(64, 64, 3), num_classes=200)
    <Model 64x64x3 -> 200, 68 layers, 11,279,112 parameters>
    """
    entry = ENTRIES.get(name) if isinstance(name, str) else None
    if entry is None:
        raise ArgumentError(f"name: expected one of {', '.join(names())}, got {name!r}")
    if num_classes is None:
        num_classes = entry.num_classes if class_names is None else len(class_names)
    classes = _arguments.integer("num_classes", num_classes, 1)
    first = [preprocessing] if isinstance(preprocessing, Layer) else list(preprocessing)
    inputs = Input(entry.input_shape if input_shape is None else input_shape)
    return Model(
        inputs,
        entry.build(chain(inputs, *first), classes),
        seed=seed,
        dtype=dtype,
        class_names=class_names,
    )
