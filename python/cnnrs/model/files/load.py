"""Reads model files.

Nothing is ever unpickled, evaluated or imported by name: layers are looked up among the built-in
classes and the classes that the caller passes.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cnnrs.errors import CnnrsError, FormatError
from cnnrs.layers import Layer
from cnnrs.layers.class_table import layer_arguments, layer_class
from cnnrs.model.files.container import unpack
from cnnrs.model.files.rebuild import rebuild
from cnnrs.model.model import Model
from cnnrs.model.sequential import Sequential

__all__ = ["load"]


def load(
    path: str | os.PathLike[str], custom_layers: Mapping[str, type[Layer]] | None = None
) -> Model:
    """Read a model from a file that `Model.save` wrote.

    Parameters
    ----------
    path : path
    custom_layers : mapping of str to type, optional
        The classes of layers that are not built in, by class name.

    Returns
    -------
    Model
        A `Sequential` if a `Sequential` was saved.

    Raises
    ------
    FormatError
        For a file that is damaged, truncated or of a newer version, or holds an unknown layer.
    OSError
        If the file cannot be read.

    Examples
    --------
    >>> import cnnrs, os, tempfile
    >>> model = cnnrs.Sequential((4,), [cnnrs.layers.Dense(3)], class_names=["cat", "dog", "bird"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model.save(os.path.join(folder, "pets.cnnrs"))
    ...     cnnrs.load(os.path.join(folder, "pets.cnnrs")).class_names
    ('cat', 'dog', 'bird')
    """
    data = Path(path).read_bytes()
    try:
        return _decode(data, custom_layers or {})
    except CnnrsError as error:
        raise FormatError(f"{os.fspath(path)}: {error}") from error


def _decode(data: bytes, custom_layers: Mapping[str, type[Layer]]) -> Model:
    content, tensors = unpack(data)
    if content.get("kind") == "checkpoint":
        raise FormatError(
            "this is a checkpoint of a training, not a model; continue it with Trainer.fit(..., "
            "resume=PATH), then call model.save"
        )
    try:
        model = _rebuild(content, custom_layers)
    except CnnrsError as error:
        raise FormatError(f"the architecture cannot be built: {error}") from error
    except (KeyError, TypeError, IndexError, ValueError, AttributeError) as error:
        raise FormatError(
            f"the architecture is malformed ({type(error).__name__}: {error})"
        ) from error
    for name, tensor in tensors.items():
        if tensor.dtype != model.dtype:
            raise FormatError(
                f"the tensor {name!r} is {tensor.dtype}, and the model is {model.dtype}"
            )
    model.load_state_dict(tensors)
    return model


def _rebuild(content: Mapping[str, Any], custom_layers: Mapping[str, type[Layer]]) -> Model:
    plan = content["architecture"]
    made = [
        _layer_class(entry["class"], custom_layers)(
            **layer_arguments(entry["class"], entry["config"])
        )
        for entry in plan["layers"]
    ]
    model = rebuild(
        Sequential if plan["kind"] == "Sequential" else Model,
        plan,
        made,
        seed=content["seed"],
        dtype=content["dtype"],
        class_names=content["class_names"],
    )
    assert isinstance(model, Model)
    return model


def _layer_class(name: str, custom_layers: Mapping[str, type[Layer]]) -> type[Layer]:
    cls = custom_layers.get(name) or layer_class(name)
    if not (isinstance(cls, type) and issubclass(cls, Layer)) or cls is Layer:
        raise FormatError(
            f"there is no layer {name!r}; if it is yours, pass custom_layers={{{name!r}: {name}}}"
        )
    return cls
