"""Writes model files: the architecture as JSON and the weights, in one safetensors file.

Any reader of safetensors opens the file.
"""

from __future__ import annotations

import os
from typing import Any

from cnnrs.errors import ArgumentError
from cnnrs.model.files.container import pack, write_atomically
from cnnrs.model.network import Network

__all__ = ["save"]


def save(model: Network, path: str | os.PathLike[str]) -> None:
    """Write a model to a file.

    An existing file is replaced only when the new file is complete and on the disk.

    Raises
    ------
    ArgumentError
        If JSON cannot hold the configuration of a layer.
    OSError
        If the file cannot be written; an existing file is then unchanged.
    """
    content = {
        "architecture": architecture(model),
        "class_names": None if model.class_names is None else list(model.class_names),
        "dtype": model.dtype.name,
        "seed": model.seed,
    }
    try:
        parts = pack(content, model.state_dict())
    except (TypeError, ValueError) as error:
        raise ArgumentError(
            f"the configuration of a layer is not JSON ({error}); define config(self) to return "
            "plain values"
        ) from None
    write_atomically(path, parts)


def architecture(model: Network) -> dict[str, Any]:
    """Return the graph of a model as values that JSON can hold."""
    graph = model.graph
    layer_list = [
        {"name": label, "class": type(layer).__name__, "config": layer.config()}
        for layer, label in graph.names.items()
    ]
    number = {layer: index for index, layer in enumerate(graph.names)}
    return {
        "kind": model._file_kind,
        "inputs": [{"shape": list(node.shape), "name": node.name} for node in model.inputs],
        "layers": layer_list,
        "nodes": [
            {"layer": number[node.layer], "inputs": list(sources)}
            for node, sources in zip(graph.nodes, graph.sources, strict=True)
            if node.layer is not None
        ],
        "outputs": list(graph.outputs),
        "frozen": [label for layer, label in graph.names.items() if not layer.trainable],
    }
