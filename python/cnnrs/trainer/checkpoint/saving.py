"""When a training saves its state, and how it goes on from one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cnnrs.callbacks import Callback
from cnnrs.errors import ArgumentError, CnnrsError
from cnnrs.trainer.checkpoint.checkpoints import Checkpoints, read_checkpoint
from cnnrs.trainer.loop.position import Position
from cnnrs.trainer.checkpoint.state import capture, restore

__all__ = ["Saving"]


class Saving:
    """The checkpoints of one call of `fit`.

    Parameters
    ----------
    trainer : Trainer
    position : Position
    callbacks : sequence of Callback
    identity : dict
        From `cnnrs.trainer.checkpoint.identity`.
    checkpoints : Checkpoints or None
        Where they are kept; None keeps none.
    every : int or None
        Batches between two; None for one after every epoch.
    """

    def __init__(
        self,
        trainer: Any,
        position: Position,
        callbacks: Sequence[Callback],
        identity: dict[str, Any],
        checkpoints: Checkpoints | None,
        every: int | None,
    ) -> None:
        self.trainer = trainer
        self.position = position
        self.callbacks = callbacks
        self.identity = identity
        self.checkpoints = checkpoints
        self.every = every
        self._saved: tuple[int, int] | None = None  # step and epochs of the newest checkpoint

    def after_step(self) -> None:
        """Save, if it is time."""
        if self.every is not None and self.trainer.step % self.every == 0:
            self._save()

    def after_epoch(self) -> None:
        """Save, unless that is done by steps."""
        if self.every is None:
            self._save()

    def at_end(self) -> None:
        """Save the last state."""
        self._save()

    def _save(self) -> None:
        where = self.trainer.step, self.position.epochs
        if self.checkpoints is None or where == self._saved:
            return
        if self.checkpoints.write(
            self.trainer.step, *capture(self.trainer, self.position, self.callbacks, self.identity)
        ):
            self._saved = where

    def resume(self, resume: str | os.PathLike[str]) -> None:
        """Go on from a checkpoint, if there is one to go on from."""
        checkpoints, trainer = self.checkpoints, self.trainer
        if resume == "never" or (resume == "auto" and checkpoints is None):
            return
        if resume != "auto":
            path = Path(resume)
            content, tensors = read_checkpoint(path)
            if checkpoints is not None:
                checkpoints.goes_on_from(path)
        else:
            assert checkpoints is not None
            found = checkpoints.newest()
            if found is None:
                return
            path, content, tensors = found
            start, counters = content["state"]["position"]["start"], content["state"]["counters"]
            if start != self.position.start:
                if [counters["epoch"], counters["step"]] == self.position.start:
                    return  # it is the end of the call of fit before this one
                raise ArgumentError(
                    f"{path}: the checkpoint is of another call of fit, which began at epoch "
                    f"{start[0]}, step {start[1]} of its trainer; "
                    f"this one is at epoch {trainer.epoch}, step {trainer.step}. Use a "
                    "checkpoint_dir for each call of fit"
                )
        try:
            restore(trainer, self.position, self.callbacks, self.identity, content, tensors)
        except CnnrsError as error:
            raise type(error)(f"{path}: {error}") from error
        self._saved = trainer.step, self.position.epochs

    def close(self) -> None:
        """See `Checkpoints.close`."""
        if self.checkpoints is not None:
            self.checkpoints.close()
