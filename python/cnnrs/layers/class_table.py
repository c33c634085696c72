"""Layer classes by the name under which model files refer to them.

Most are public names of `cnnrs.layers`. Classes of higher floors are looked up when they are asked
for: this table is the only place that names their modules.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from cnnrs.layers.base import Layer

__all__ = ["layer_arguments", "layer_class"]

_LAYERS = "cnnrs.layers"
_HOMES = {
    "ChannelScale": "cnnrs.zoo.lenet_layers",
    "RBFCodes": "cnnrs.zoo.lenet_layers",
    "TableConv2D": "cnnrs.zoo.lenet_layers",
}
_RENAMED_CLASSES = {"UpSample2D": "Upsample2D"}
_RENAMED_ARGUMENTS = {
    "LeakyReLU": {"slope": "negative_slope"},
    "PReLU": {"initial_slope": "negative_slope"},
}


def layer_arguments(name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of the class with that name that a file of any version holds.

    Examples
    --------
    >>> layer_arguments("LeakyReLU", {"slope": 0.1, "name": None})
    {'negative_slope': 0.1, 'name': None}
    """
    new = _RENAMED_ARGUMENTS.get(name, {})
    return {new.get(argument, argument): value for argument, value in config.items()}


def layer_class(name: str) -> type[Layer] | None:
    """Return the built-in layer class of that name, or None.

    Examples
    --------
    >>> layer_class("Dense")
    <class 'cnnrs.layers.dense.Dense'>
    """
    name = _RENAMED_CLASSES.get(name, name)
    module = import_module(_HOMES.get(name, _LAYERS))
    if name not in module.__all__:
        return None
    found = getattr(module, name)
    if isinstance(found, type) and issubclass(found, Layer) and found is not Layer:
        return found
    return None
