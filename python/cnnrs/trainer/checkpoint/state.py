"""The state of a training as one value: all that a step depends on and all that a step changes,
besides the data.

Random numbers are functions of seed, step, epoch and index, so the counters stand for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from cnnrs.callbacks import Callback
from cnnrs.errors import ArgumentError, CnnrsError, FormatError
from cnnrs.trainer.checkpoint.identity import differences
from cnnrs.trainer.checkpoint.packing import flatten, unflatten
from cnnrs.trainer.loop.position import Position

__all__ = ["capture", "restore"]


def capture(
    trainer: Any, position: Position, callbacks: Sequence[Callback], identity: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Content and tensors of a checkpoint."""
    layers = trainer.model.graph.names
    state = {
        "model": trainer.model.state_dict(),
        "updater": trainer.updater.state_dict(),
        "trainable": {label: bool(layer.trainable) for layer, label in layers.items()},
        "counters": {"epoch": trainer.epoch, "step": trainer.step, "stop": bool(trainer.stop)},
        "position": {**vars(position), "sums": position.sums.state_dict()},
        "history": trainer.history.state_dict(),
        "images": trainer.guard.state_dict(),
        "callbacks": {name: callback.state_dict() for name, callback in _named(callbacks)},
    }
    tensors: dict[str, Any] = {}
    content = {
        "identity": identity,
        "state": {name: flatten(value, name, tensors) for name, value in state.items()},
    }
    return content, tensors


def restore(
    trainer: Any,
    position: Position,
    callbacks: Sequence[Callback],
    identity: dict[str, Any],
    content: dict[str, Any],
    tensors: dict[str, Any],
) -> None:
    """Put trainer, position and callbacks into the state of a checkpoint; if it does not fit, the
    trainer stays as it was.

    Raises
    ------
    ArgumentError
        If the checkpoint is of another training; the message says what differs.
    FormatError
        If something is missing in it, or does not belong there.
    """
    unlike = differences(dict(content["identity"]), identity)
    if unlike:
        raise ArgumentError(f"the checkpoint is of another training: {'; '.join(unlike)}")
    before = trainer.model.state_dict(), trainer.updater.state_dict()
    try:
        left = dict(tensors)
        state = unflatten(content["state"], left)
        if left:
            raise FormatError(f"the tensor {min(left)!r} does not belong here")
        trainer.model.load_state_dict(state["model"])
        trainer.updater.load_state_dict(state["updater"])
        trainable, counters = state["trainable"], state["counters"]
        layers = {
            layer: bool(trainable[label]) for layer, label in trainer.model.graph.names.items()
        }
        sums = trainer.sums()
        sums.load_state_dict(state["position"].pop("sums"))
        restored = Position(sums, **state["position"])
        epoch, step, stop = int(counters["epoch"]), int(counters["step"]), bool(counters["stop"])
        images = np.asarray(state["images"]["fingerprints"], np.uint64)
        history = state["history"]
    except (KeyError, TypeError, ValueError, AttributeError, CnnrsError) as error:
        trainer.model.load_state_dict(before[0])
        trainer.updater.load_state_dict(before[1])
        if isinstance(error, CnnrsError):
            raise FormatError(str(error)) from error
        raise FormatError(f"the state is malformed ({type(error).__name__}: {error})") from error
    for layer, flag in layers.items():
        layer.trainable = flag
    trainer.epoch, trainer.step, trainer.stop = epoch, step, stop
    trainer.history.load_state_dict(history)
    trainer.guard.load_state_dict({"fingerprints": images})
    vars(position).update(vars(restored))
    for name, callback in _named(callbacks):
        if name in state["callbacks"]:
            callback.load_state_dict(state["callbacks"][name])


def _named(callbacks: Sequence[Callback]) -> list[tuple[str, Callback]]:
    """Callbacks with names that the next process gives them, too: the class, and a number where
    there are several.
    """
    seen: dict[str, int] = {}
    named = []
    for callback in callbacks:
        name = type(callback).__name__
        seen[name] = seen.get(name, 0) + 1
        named.append((name if seen[name] == 1 else f"{name}_{seen[name]}", callback))
    return named
