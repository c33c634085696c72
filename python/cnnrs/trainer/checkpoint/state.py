"""Capture and restore the state of a training: everything that a step reads or changes but data.

Random numbers are functions of seed, step, epoch and index, so there is no generator to save.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnrs.callbacks import Callback
from cnnrs.errors import ArgumentError, CnnrsError, FormatError
from cnnrs.trainer.checkpoint.identity import differences
from cnnrs.trainer.checkpoint.packing import flatten, unflatten
from cnnrs.trainer.leak_guard import LeakGuard

__all__ = ["capture", "check_format", "restore"]

FORMAT = 1  # another number whenever a state has other parts


def capture(
    trainer: Any, position: Any, callbacks: Sequence[Callback], identity: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return content and tensors of a checkpoint."""
    layers, runtime = trainer.model.graph.names, trainer.runtime
    guard = runtime.leak_guard
    state = {
        "model": trainer.model.state_dict(),
        "updater": runtime.updater.state_dict(),
        "trainable": {label: bool(layer.trainable) for layer, label in layers.items()},
        "counters": {"epoch": trainer.epoch, "step": trainer.step, "stop": bool(trainer.stop)},
        "position": position.state_dict(),
        "history": trainer.history.state_dict(),
        "leak_guard": None if guard is None else guard.state_dict(),
        "callbacks": {name: callback.state_dict() for name, callback in _named(callbacks)},
    }
    tensors: dict[str, Any] = {}
    content = {
        "state_format": FORMAT,
        "identity": identity,
        "state": {name: flatten(value, name, tensors) for name, value in state.items()},
    }
    return content, tensors


def check_format(content: dict[str, Any]) -> None:
    """Check that a checkpoint has a state that this version can read.

    Raises
    ------
    FormatError
        If an unreleased version or a newer one wrote it.
    """
    found = content.get("state_format")
    if found is None:
        raise FormatError(
            "the checkpoint was written by an earlier, unreleased version of cnnrs, and cannot be "
            "read by this one; finish the training with that version, or start anew with "
            "resume='never'"
        )
    if found != FORMAT:
        raise FormatError(
            f"expected a state of format {FORMAT}, got format {found!r}: a newer cnnrs wrote the "
            "checkpoint; update cnnrs, or start anew with resume='never'"
        )


def restore(
    trainer: Any,
    position: Any,
    callbacks: Sequence[Callback],
    identity: dict[str, Any],
    content: dict[str, Any],
    tensors: dict[str, Any],
) -> None:
    """Restore trainer, position and callbacks from a checkpoint.

    If the checkpoint does not fit, the trainer stays as it was.

    Raises
    ------
    ArgumentError
        If the checkpoint belongs to another training; the message says what differs.
    FormatError
        If a part is missing, or one does not belong there.
    """
    unlike = differences(dict(content["identity"]), identity)
    if unlike:
        raise ArgumentError(f"the checkpoint is of another training: {'; '.join(unlike)}")
    updater, guard = trainer.runtime.updater, trainer.runtime.leak_guard
    before = trainer.model.state_dict(), updater.state_dict()
    try:
        left = dict(tensors)
        state = unflatten(content["state"], left)
        if left:
            raise FormatError(f"the tensor {min(left)!r} does not belong here")
        trainer.model.load_state_dict(state["model"])
        updater.load_state_dict(state["updater"])
        trainable, counters = state["trainable"], state["counters"]
        layers = {
            layer: bool(trainable[label]) for layer, label in trainer.model.graph.names.items()
        }
        restored = position.restored(state["position"])
        epoch, step, stop = int(counters["epoch"]), int(counters["step"]), bool(counters["stop"])
        if guard is not None:
            LeakGuard().load_state_dict(state["leak_guard"])  # checks it
        history = state["history"]
    except (KeyError, TypeError, ValueError, AttributeError, CnnrsError) as error:
        trainer.model.load_state_dict(before[0])
        updater.load_state_dict(before[1])
        if isinstance(error, CnnrsError):
            raise FormatError(str(error)) from error
        raise FormatError(f"the state is malformed ({type(error).__name__}: {error})") from error
    for layer, flag in layers.items():
        layer.trainable = flag
    trainer.epoch, trainer.step, trainer.stop = epoch, step, stop
    trainer.history.load_state_dict(history)
    if guard is not None:
        guard.load_state_dict(state["leak_guard"])
    vars(position).update(vars(restored))
    for name, callback in _named(callbacks):
        if name in state["callbacks"]:
            callback.load_state_dict(state["callbacks"][name])


def _named(callbacks: Sequence[Callback]) -> list[tuple[str, Callback]]:
    """Return callbacks with names that are the same in the next process.

    A name is the class, with a number if there are several of the class.
    """
    seen: dict[str, int] = {}
    named = []
    for callback in callbacks:
        name = type(callback).__name__
        seen[name] = seen.get(name, 0) + 1
        named.append((name if seen[name] == 1 else f"{name}_{seen[name]}", callback))
    return named
