"""Makes a model again from the description of its graph: for files, copies and pickles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cnnrs.errors import FormatError
from cnnrs.layers import Input, Layer, Node
from cnnrs.layers.node import apply
from cnnrs.model.files.save import architecture
from cnnrs.model.network import Network

__all__ = ["parts_of", "rebuild", "restore"]


def rebuild(
    kind: type[Network],
    plan: Mapping[str, Any],
    made: Sequence[Layer],
    **settings: Any,
) -> Network:
    """Return a model with new initial values.

    Parameters
    ----------
    kind : type
        The class of the model.
    plan : mapping
        As `architecture` returns it.
    made : sequence of Layer
        The layers of the plan, in its order.
    **settings
        The keyword arguments of `Network`.

    Raises
    ------
    FormatError
        If a layer of the plan reads the output of a later layer.
    """
    for entry, layer in zip(plan["layers"], made, strict=True):
        layer.name = entry["name"]
        layer.trainable = entry["name"] not in plan["frozen"]
    inputs = [Input(entry["shape"], name=entry["name"]) for entry in plan["inputs"]]
    nodes: list[Node] = list(inputs)
    for entry in plan["nodes"]:
        sources = entry["inputs"]
        if not all(0 <= source < len(nodes) for source in sources) or not 0 <= entry["layer"] < len(
            made
        ):
            raise FormatError("a layer reads the output of a later layer")
        nodes.append(apply(made[entry["layer"]], tuple(nodes[source] for source in sources)))
    model = object.__new__(kind)
    Network.__init__(model, inputs, [nodes[index] for index in plan["outputs"]], **settings)
    return model


def parts_of(model: Network) -> tuple[Any, ...]:
    """Return what `restore` needs to make an equal model; a pickle holds it.

    The classes of layers are pickled by reference, the layers by their configuration.
    """
    settings = {
        "seed": model.seed,
        "dtype": model.dtype.name,
        "class_names": model.class_names,
        "name": model.name,
    }
    classes = [type(layer) for layer in model.layers]
    return type(model), architecture(model), classes, settings, model.state_dict()


def restore(
    kind: type[Network],
    plan: Mapping[str, Any],
    classes: Sequence[type[Layer]],
    settings: Mapping[str, Any],
    state: Mapping[str, Any],
) -> Network:
    """Return the model whose `parts_of` these are."""
    configs = [entry["config"] for entry in plan["layers"]]
    made = [cls(**config) for cls, config in zip(classes, configs, strict=True)]
    model = rebuild(kind, plan, made, **settings)
    model.load_state_dict(state)
    return model
