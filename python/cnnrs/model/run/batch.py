"""Checks of the arrays that are passed to a model."""

from __future__ import annotations

from typing import Any

from cnnrs import _arguments
from cnnrs.errors import DTypeError, ShapeError
from cnnrs.model.graph.graph import Graph

__all__ = ["as_batch"]


def as_batch(graph: Graph, x: Any) -> tuple[list[Any], int]:
    """Return the arrays for the inputs of a graph, and the number of samples.

    Raises
    ------
    ShapeError, DTypeError
        For arrays that do not fit the inputs.
    """
    count = len(graph.inputs)
    if count == 1:
        items = [x]
    elif isinstance(x, (list, tuple)) and len(x) == count:
        items = list(x)
    else:
        raise ShapeError(f"x: the model has {count} inputs; expected a list of {count} arrays")
    arrays = [_checked(graph, index, item) for index, item in zip(graph.inputs, items, strict=True)]
    lengths = {len(array) for array in arrays}
    if len(lengths) > 1:
        raise ShapeError(
            f"x: the inputs have {' and '.join(str(len(array)) for array in arrays)} samples; "
            "expected the same number of each"
        )
    return arrays, lengths.pop()


def _checked(graph: Graph, index: int, value: Any) -> Any:
    name = "x" if len(graph.inputs) == 1 else graph.node_name(index)
    array = _arguments.as_array(name, value)
    if array.dtype.kind not in "biuf":
        raise DTypeError(f"{name}: expected real numbers, got dtype {array.dtype}")
    shape = graph.nodes[index].shape
    if array.shape[1:] == shape and array.ndim == len(shape) + 1:
        return array
    expected = f"expected shape (n, {', '.join(map(str, shape))})"
    if array.shape == shape:
        raise ShapeError(
            f"{name}: {expected}, got one sample without the batch axis; add it: {name}[None]"
        )
    if shape[-1] == 1 and array.shape[1:] == shape[:-1]:
        raise ShapeError(
            f"{name}: {expected}, got {array.shape} without the channel axis; add it: {name}[..., "
            "None]"
        )
    if len(shape) == 3 and array.ndim == 4 and array.shape[1:] == (shape[2], *shape[:2]):
        raise ShapeError(
            f"{name}: {expected}, got {array.shape}, which is channels first; {name}.transpose(0, "
            "2, 3, 1) puts them last"
        )
    raise ShapeError(f"{name}: {expected}, got {array.shape}")
