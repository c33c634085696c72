"""Save the state of a training at the right moments, and resume from it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cnnrs.callbacks import Callback
from cnnrs.errors import ArgumentError, CnnrsError, DTypeError, FormatError
from cnnrs.trainer.checkpoint.checkpoints import Checkpoints, read_checkpoint
from cnnrs.trainer.checkpoint.state import capture, check_format, restore

__all__ = ["Saving"]


class Saving:
    """The checkpoints of one call of `fit`.

    Parameters
    ----------
    trainer : Trainer
    position : Position
        Progress of the call.
    callbacks : sequence of Callback
    identity : dict
        What must be the same in a checkpoint to resume from; see `identity`.
    checkpoints : Checkpoints or None
        None saves nothing.
    every : int or None
        Batches between two checkpoints; None for one after every epoch.
    """

    def __init__(
        self,
        trainer: Any,
        position: Any,
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
        self._saved: tuple[int, int] | None = None  # step and epochs of the last checkpoint

    def after_step(self) -> None:
        """Save if it is time, where checkpoints are counted in steps."""
        if self.every is not None and self.trainer.step % self.every == 0:
            self._save()

    def after_epoch(self) -> None:
        """Save, unless checkpoints are counted in steps."""
        if self.every is None:
            self._save()

    def at_end(self) -> None:
        """Save the last state of the call."""
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
        """Resume from a checkpoint, if there is one.

        Parameters
        ----------
        resume : "auto", "never" or path
            See `Trainer.fit`.
        """
        checkpoints, trainer = self.checkpoints, self.trainer
        if not isinstance(resume, (str, os.PathLike)):
            raise DTypeError(f"resume: expected 'auto', 'never' or a path, got {resume!r}")
        if resume == "never" or (resume == "auto" and checkpoints is None):
            return
        if resume != "auto":
            path = Path(resume)
            content, tensors = read_checkpoint(path)
            if checkpoints is not None:
                checkpoints.continue_from(path)
        else:
            assert checkpoints is not None
            found = checkpoints.newest()
            if found is None:
                return
            path, content, tensors = found
        try:
            check_format(content)
            if resume == "auto" and self._is_of_call_before(content["state"]):
                return
            restore(trainer, self.position, self.callbacks, self.identity, content, tensors)
        except CnnrsError as error:
            raise type(error)(f"{path}: {error}") from error
        self._saved = trainer.step, self.position.epochs

    def _is_of_call_before(self, state: dict[str, Any]) -> bool:
        """Return whether the checkpoint is the end of the preceding call of `fit`.

        Raises
        ------
        ArgumentError
            If it is of yet another call.
        FormatError
            If the state does not say of which call it is.
        """
        try:
            epoch, step = state["position"]["start"]
            end = [state["counters"]["epoch"], state["counters"]["step"]]
        except (KeyError, TypeError, ValueError) as error:
            raise FormatError(
                f"the state is malformed ({type(error).__name__}: {error})"
            ) from error
        if [epoch, step] == self.position.start:
            return False
        if end == self.position.start:
            return True
        raise ArgumentError(
            f"the checkpoint is of another call of fit, which began at epoch {epoch}, step {step} "
            f"of its trainer; this one is at epoch {self.trainer.epoch}, step {self.trainer.step}. "
            "Use a separate checkpoint_dir for each call of fit"
        )

    def close(self) -> None:
        """End a training that was not interrupted; see `Checkpoints.close`."""
        if self.checkpoints is not None:
            self.checkpoints.close()
