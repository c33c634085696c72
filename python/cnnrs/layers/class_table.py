"""Layer classes by the name under which model files refer to them.

Most are public names of `cnnrs.layers`. Classes of higher floors are looked up when they are asked
for: this table is the only place that names their modules.
"""

from __future__ import annotations

from importlib import import_module

from cnnrs.layers.base import Layer

__all__ = ["layer_class"]

_LAYERS = "cnnrs.layers"
_HOMES = {
    "ChannelScale": "cnnrs.zoo.lenet_layers",
    "RBFCodes": "cnnrs.zoo.lenet_layers",
    "TableConv2D": "cnnrs.zoo.lenet_layers",
}


def layer_class(name: str) -> type[Layer] | None:
    """Return the built-in layer class of that name, or None.

    Examples
    --------
    >>> layer_class("Dense")
    <class 'cnnrs.layers.dense.Dense'>
    """
    module = import_module(_HOMES.get(name, _LAYERS))
    if name not in module.__all__:
        return None
    found = getattr(module, name)
    if isinstance(found, type) and issubclass(found, Layer) and found is not Layer:
        return found
    return None
