"""cnnrs: convolutional networks on NumPy arrays and a CPU.

Images are NumPy arrays of shape ``(n, height, width, channels)``. All modules are attributes of
this package and are imported when they are first used.

Examples
--------
>>> import cnnrs
>>> from cnnrs.layers import Conv2D, Dense, Flatten, MaxPool2D, ReLU
>>> layers = [Conv2D(8, 3, padding="same"), ReLU(), MaxPool2D(2), Flatten(), Dense(10)]
>>> model = cnnrs.Sequential((8, 8, 1), layers, seed=0)
>>> model.num_parameters
1370
"""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cnnrs import (
        augment,
        callbacks,
        data,
        datasets,
        errors,
        initializers,
        layers,
        losses,
        metrics,
        ops,
        optimizers,
        plot,
        schedules,
        testing,
        zoo,
    )
    from cnnrs.model import Input, Model, Sequential, load
    from cnnrs.model import parse as from_text
    from cnnrs.ops import get_num_threads, set_num_threads
    from cnnrs.trainer import Trainer

__version__: str

_MODULES = (
    "augment",
    "callbacks",
    "data",
    "datasets",
    "errors",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "ops",
    "optimizers",
    "plot",
    "schedules",
    "testing",
    "zoo",
)
_HOMES = {
    "Input": "model",
    "Model": "model",
    "Sequential": "model",
    "Trainer": "trainer",
    "from_text": "model",
    "get_num_threads": "ops",
    "load": "model",
    "set_num_threads": "ops",
}
_INNER = {"from_text": "parse"}  # names that differ in their module

__all__ = [
    "Input",
    "Model",
    "Sequential",
    "Trainer",
    "augment",
    "callbacks",
    "data",
    "datasets",
    "errors",
    "from_text",
    "get_num_threads",
    "initializers",
    "layers",
    "load",
    "losses",
    "metrics",
    "ops",
    "optimizers",
    "plot",
    "schedules",
    "set_num_threads",
    "testing",
    "zoo",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(import_module(f"cnnrs.{_HOMES[name]}"), _INNER.get(name, name))
    elif name == "parse":
        warnings.warn(
            "cnnrs.parse is deprecated; use cnnrs.from_text", DeprecationWarning, stacklevel=2
        )
        return __getattr__("from_text")
    elif name in _MODULES:
        value = import_module(f"cnnrs.{name}")
    elif name == "set_winograd":
        from cnnrs import ops

        warnings.warn(
            "cnnrs.set_winograd is now cnnrs.ops.set_winograd", DeprecationWarning, stacklevel=2
        )
        return ops.set_winograd
    elif name == "__version__":
        from importlib.metadata import PackageNotFoundError, version

        try:
            value = version("cnnrs")
        except PackageNotFoundError:  # run from its source folder
            value = "0+unknown"
    else:
        raise AttributeError(f"module 'cnnrs' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES, *_HOMES, "__version__"})
