"""Convert nested values to JSON and named tensors, which a checkpoint file holds, and back.

Lists, tuples (which come back as lists), dictionaries with texts as keys, texts, numbers, True,
False, None and arrays can be nested. Every number comes back with the same bits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from cnnrs.errors import DTypeError, FormatError

__all__ = ["flatten", "unflatten"]

_TENSOR, _FLOAT = "$tensor", "$float"


def flatten(value: Any, name: str, tensors: dict[str, Any]) -> Any:
    """Move the arrays of a nested value into `tensors`, and return the rest for JSON.

    Parameters
    ----------
    value : nested lists and dictionaries
    name : str
        Name of the value. Its arrays are named ``name``, ``name.key``, ``name.0``, ...
    tensors : dict
        The arrays are added to it.

    Raises
    ------
    DTypeError
        If a part cannot be saved; the message names it.

    Examples
    --------
    >>> tensors = {}
    >>> flatten({"best": float("inf"), "weights": np.zeros(3)}, "early_stopping", tensors)
    {'best': {'$float': 'inf'}, 'weights': {'$tensor': 'early_stopping.weights'}}
    >>> list(tensors)
    ['early_stopping.weights']
    """
    if value is None or isinstance(value, (bool, str, int)):
        return value
    if isinstance(value, (float, np.floating)):
        number = float(value)
        return number if math.isfinite(number) else {_FLOAT: repr(number)}
    if isinstance(value, (np.bool_, np.integer)):
        return value.item()
    if isinstance(value, np.ndarray):
        tensors[name] = value
        return {_TENSOR: name}
    if isinstance(value, (list, tuple)):
        return [flatten(part, f"{name}.{index}", tensors) for index, part in enumerate(value)]
    if isinstance(value, Mapping) and all(
        isinstance(key, str) and not key.startswith("$") for key in value
    ):
        return {key: flatten(part, f"{name}.{key}", tensors) for key, part in value.items()}
    raise DTypeError(
        f"{name}: expected numbers, texts, arrays, or lists and dictionaries of them for a "
        f"checkpoint, got {type(value).__name__}"
    )


def unflatten(value: Any, tensors: dict[str, Any]) -> Any:
    """Return the value that `flatten` converted, and remove its arrays from `tensors`.

    Raises
    ------
    FormatError
        If a tensor is missing.
    """
    if isinstance(value, list):
        return [unflatten(part, tensors) for part in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {_FLOAT}:
        return float(value[_FLOAT])
    if value.keys() == {_TENSOR}:
        if value[_TENSOR] not in tensors:
            raise FormatError(f"the tensor {value[_TENSOR]!r} is missing")
        return tensors.pop(value[_TENSOR])
    return {key: unflatten(part, tensors) for key, part in value.items()}
