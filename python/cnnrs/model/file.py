"""Model files: one safetensors file that holds the architecture as JSON, the weights, class names, and checksums of everything.

Any safetensors reader opens a ``.cnnrs`` file. Its metadata holds two texts: ``cnnrs``, a JSON object with the version of the format,
the architecture, the class names and the SHA-256 of every tensor; and ``digest``, the SHA-256 of that object and of the names, dtypes
and shapes of the tensors. Nothing is ever unpickled, evaluated or imported by name: layers are looked up among the built-in ones and
those the caller hands in.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import struct
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from cnnrs import layers
from cnnrs.errors import ArgumentError, CnnrsError, FormatError
from cnnrs.layers import Layer, Node
from cnnrs.layers.node import apply
from cnnrs.model.model import Model
from cnnrs.model.sequential import Sequential

__all__ = ["load", "save", "write_atomically"]

VERSION = 1
_LARGEST_HEADER = 100_000_000  # bytes: the limit of safetensors itself
_DTYPES: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "F64": np.dtype("<f8")}


# --- writing -----------------------------------------------------------------------------------------------------------------
def save(model: Model, path: str | os.PathLike[str]) -> None:
    """Write a model to a file; a file of that name is replaced only once the new one is whole and on the disk.

    Raises
    ------
    ArgumentError
        If a layer has no configuration that JSON can hold.
    OSError
        If the file cannot be written; an existing one is then as it was.
    """
    from safetensors.numpy import save as to_bytes

    tensors = {name: np.ascontiguousarray(value) for name, value in model.state_dict().items()}
    content = {
        "version": VERSION,
        "architecture": architecture(model),
        "class_names": None if model.class_names is None else list(model.class_names),
        "dtype": model.dtype.name,
        "seed": model.seed,
        "sha256": {name: hashlib.sha256(array.tobytes()).hexdigest() for name, array in tensors.items()},
    }
    try:
        text = json.dumps(content, allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"the configuration of a layer is no JSON ({error}); define config(self) to return plain values") from None
    table = {name: [_dtype_name(array.dtype), list(array.shape)] for name, array in tensors.items()}
    write_atomically(path, to_bytes(tensors, {"cnnrs": text, "digest": _digest(text, table)}))


def architecture(model: Model) -> dict[str, Any]:
    """The graph of a model as values that JSON can hold."""
    graph = model.graph
    layer_list = [{"name": label, "class": type(layer).__name__, "config": layer.config()} for layer, label in graph.names.items()]
    number = {layer: index for index, layer in enumerate(graph.names)}
    return {
        "kind": "Sequential" if isinstance(model, Sequential) else "Model",
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


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file so that, whatever happens, there is the old one or the new one, whole."""
    target = Path(path)
    descriptor, temporary = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)  # mkstemp makes files that only the owner reads
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    with contextlib.suppress(OSError, AttributeError):  # not every system can open a folder
        folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _dtype_name(dtype: np.dtype[Any]) -> str:
    return "F32" if dtype.itemsize == 4 else "F64"


def _digest(text: str, table: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps([text, sorted(table.items())]).encode()).hexdigest()


# --- reading -----------------------------------------------------------------------------------------------------------------
def load(path: str | os.PathLike[str], custom_layers: Mapping[str, type[Layer]] | None = None) -> Model:
    """Read a model from a file that `Model.save` wrote.

    Parameters
    ----------
    path : path
    custom_layers : mapping of str to type, optional
        The classes of layers that are not built in, by the name of the class.

    Returns
    -------
    Model
        A `Sequential` if that was saved.

    Raises
    ------
    FormatError
        For a file that is damaged, truncated, of a newer version, or holds a layer nobody knows.
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
    content, table, start = _header(data)
    tensors = _tensors(data, table, start, content)
    try:
        model = _rebuild(content, custom_layers)
    except CnnrsError as error:
        raise FormatError(f"the architecture cannot be built: {error}") from error
    except (KeyError, TypeError, IndexError, ValueError, AttributeError) as error:
        raise FormatError(f"the architecture is malformed ({type(error).__name__}: {error})") from error
    model.load_state_dict(tensors)
    return model


def _header(data: bytes) -> tuple[dict[str, Any], dict[str, Any], int]:
    """The cnnrs metadata, the table of tensors, and where their bytes start."""
    if len(data) < 8:
        raise FormatError(f"not a model file: {len(data)} bytes")
    (length,) = struct.unpack("<Q", data[:8])
    if length > min(len(data) - 8, _LARGEST_HEADER):
        raise FormatError("the file is truncated, or not a model file: its header is longer than the file")
    try:
        header = json.loads(data[8 : 8 + length])
        metadata = header.pop("__metadata__")
        text, digest = metadata["cnnrs"], metadata["digest"]
        table = {str(name): [entry["dtype"], entry["shape"]] for name, entry in header.items()}
        content = json.loads(text)
        version = content["version"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FormatError(f"the header is damaged, or this is no model file of cnnrs ({type(error).__name__}: {error})") from None
    if not isinstance(version, int) or version > VERSION:
        raise FormatError(f"the file has version {version}, this cnnrs reads up to {VERSION}; a newer cnnrs is needed")
    if _digest(text, table) != digest:
        raise FormatError("the header is damaged: its digest does not match")
    return content, header, 8 + length


def _tensors(data: bytes, header: Mapping[str, Any], start: int, content: Mapping[str, Any]) -> dict[str, Any]:
    """The tensors, each checked against its checksum."""
    checksums = content["sha256"]
    for name in checksums:
        if name not in header:
            raise FormatError(f"the tensor {name!r} is missing")
    tensors: dict[str, Any] = {}
    position = start
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        first, last = (start + int(offset) for offset in entry["data_offsets"])
        dtype = _DTYPES.get(entry["dtype"])
        if dtype is None or name not in checksums:
            raise FormatError(f"the tensor {name!r} does not belong here")
        if first != position or last < first:
            raise FormatError(f"the place of the tensor {name!r} is wrong")
        if last > len(data):
            raise FormatError(f"the file is truncated within the tensor {name!r}")
        part = data[first:last]
        if hashlib.sha256(part).hexdigest() != checksums[name]:
            raise FormatError(f"the tensor {name!r} is damaged: its checksum does not match")
        tensors[name] = np.frombuffer(part, dtype).reshape(entry["shape"])
        position = last
    if position != len(data):
        raise FormatError(f"{len(data) - position} bytes too many at the end")
    return tensors


def _rebuild(content: Mapping[str, Any], custom_layers: Mapping[str, type[Layer]]) -> Model:
    plan = content["architecture"]
    made: list[Layer] = []
    for entry in plan["layers"]:
        layer = _layer_class(entry["class"], custom_layers)(**entry["config"])
        layer.name = entry["name"]
        layer.trainable = entry["name"] not in plan["frozen"]
        made.append(layer)
    inputs = [layers.Input(entry["shape"], name=entry["name"]) for entry in plan["inputs"]]
    nodes: list[Node] = list(inputs)
    for entry in plan["nodes"]:
        sources = entry["inputs"]
        if not all(0 <= source < len(nodes) for source in sources) or not 0 <= entry["layer"] < len(made):
            raise FormatError("a layer reads from one that comes later")
        nodes.append(apply(made[entry["layer"]], tuple(nodes[source] for source in sources)))
    model = object.__new__(Sequential if plan["kind"] == "Sequential" else Model)
    outputs = [nodes[index] for index in plan["outputs"]]
    Model.__init__(model, inputs, outputs, seed=content["seed"], dtype=content["dtype"], class_names=content["class_names"])
    return model


def _layer_class(name: str, custom_layers: Mapping[str, type[Layer]]) -> type[Layer]:
    cls = custom_layers.get(name)
    if cls is None and name in layers.__all__:
        cls = getattr(layers, name)
    if not (isinstance(cls, type) and issubclass(cls, Layer)) or cls is Layer:
        raise FormatError(f"there is no layer {name!r}; if it is yours, pass custom_layers={{{name!r}: {name}}}")
    return cls
