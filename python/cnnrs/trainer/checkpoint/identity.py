"""Describe what must be the same to resume a training: model, loss, optimizer, data and batches."""

from __future__ import annotations

import json
import re
from typing import Any

from cnnrs.errors import CnnrsError
from cnnrs.model import Model

__all__ = ["differences", "identity"]


def text_of(value: Any) -> str:
    """Return a text for an object that is the same in every process.

    It is the ``repr`` without addresses, or the type and the attributes.
    """
    cls = type(value)
    if getattr(cls, "__repr__", None) is object.__repr__:
        settings = (
            ", ".join(f"{name}={text_of(part)}" for name, part in sorted(vars(value).items()))
            if hasattr(value, "__dict__")
            else ""
        )
        return f"{cls.__name__}({settings})"
    return re.sub(r" at 0x[0-9A-Fa-f]+", "", repr(value))


def identity(
    trainer: Any, data: dict[str, Any], validation: dict[str, Any] | None
) -> dict[str, Any]:
    """Return everything that must be the same to resume exactly, by name, as values for JSON."""
    updater = trainer.runtime.updater
    parts = {
        "model": _model(trainer.model),
        "dtype": trainer.model.dtype.name,
        "loss": [text_of(loss) for loss in trainer.losses],
        "loss_weights": trainer.loss_weights,
        "optimizer": text_of(trainer.optimizer),
        **{name: text_of(getattr(updater, name)) for name in ("accumulate", "average")},
        "metrics": list(trainer.metrics),
        "seed": trainer.seed,
        "leak_guard": trainer.runtime.leak_guard is not None,
        **data,
        **{
            f"validation {name}": value
            for name, value in (validation or {"samples": 0}).items()
            if name == "samples"
        },
    }
    return dict(json.loads(json.dumps(parts, default=text_of)))


def _model(model: Model) -> list[dict[str, Any]]:
    graph = model.graph
    described: list[dict[str, Any]] = [{"input": list(node.shape)} for node in model.inputs]
    for node, sources in zip(graph.nodes, graph.sources, strict=True):
        if node.layer is None:
            continue
        layer = node.layer
        try:
            config = layer.config()
        except CnnrsError:  # a user's layer without a config
            config = {}
        shapes = {name: list(parameter.shape) for name, parameter in layer.parameters.items()}
        described.append(
            {
                "name": graph.names[layer],
                "class": type(layer).__name__,
                "config": config,
                "parameters": shapes,
                "inputs": list(sources),
            }
        )
    return [*described, {"outputs": list(graph.outputs)}]


def differences(there: dict[str, Any], here: dict[str, Any]) -> list[str]:
    """Return a phrase for each difference between a checkpoint and this training."""
    found = []
    for name in sorted(there.keys() | here.keys(), key=[*here, *there].index):
        old, new = there.get(name), here.get(name)
        if old == new:
            continue
        if name == "model" and isinstance(old, list) and isinstance(new, list):
            found.append(_model_difference(old, new))
        else:
            found.append(f"{name} is {_short(new)} here and {_short(old)} there")
    return found


def _model_difference(old: list[Any], new: list[Any]) -> str:
    for before, after in zip(old, new, strict=False):
        if before != after:
            return f"the model has {_layer(after)} here and {_layer(before)} there"
    return f"the model has {len(new)} parts here and {len(old)} there"


def _layer(entry: Any) -> str:
    if not isinstance(entry, dict) or "class" not in entry:
        return _short(entry)
    settings = ", ".join(f"{name}={value!r}" for name, value in entry["config"].items())
    return f"{entry['name']}: {entry['class']}({settings}) of parameters {entry['parameters']}"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 300 else f"{text[:300]}..."
