"""Saving models during training."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cnnrs import _arguments
from cnnrs.callbacks.base import Callback
from cnnrs.callbacks.best import Best
from cnnrs.errors import ArgumentError

__all__ = ["ModelCheckpoint"]


class ModelCheckpoint(Callback):
    """Save the model after an epoch, by default after the best one so far: models to use, where
    checkpoints are states to go on from.

    ========================================================================  ==========================================
    ``ModelCheckpoint("best.cnnrs")``                                         the best model so far
    ``ModelCheckpoint("last.cnnrs", best_only=False)``                        the newest
    ``ModelCheckpoint("{epoch:03d}.cnnrs", best_only=False, keep=3)``         the newest three
    ``ModelCheckpoint("{epoch:03d}-{val_loss:.3f}.cnnrs", keep=3)``           the best three so far
    ========================================================================  ==========================================

    Parameters
    ----------
    path : path
        May hold ``{epoch}`` and names of numbers: ``"model-{epoch:03d}-{val_accuracy:.4f}.cnnrs"``.
    monitor : str
        Name of the number that says which model is best.
    mode : {"auto", "min", "max"}
        Whether less or more is better; ``auto`` takes less for names with ``loss`` or ``error`` in
        them.
    best_only : bool
        Whether to save only when the number has improved.
    keep : int, optional
        How many files to keep, the newest; those before are deleted once a newer one is on the
        disk. By default all.

    Notes
    -----
    Where the trainer averages weights, the averages are saved: they are what was judged.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        monitor: str = "val_loss",
        *,
        mode: str = "auto",
        best_only: bool = True,
        keep: int | None = None,
    ) -> None:
        self.path = os.fspath(path)
        self.best_only = best_only
        self.best = Best(monitor, mode)
        self.keep = None if keep is None else _arguments.integer("keep", keep, 1)
        self.files: list[str] = []

    def on_epoch_end(self, trainer: Any, numbers: dict[str, float]) -> None:
        """Save, if there is a reason."""
        if self.best_only and not self.best.improved(numbers):
            return
        try:
            path = self.path.format(epoch=trainer.epoch, **numbers)
        except (KeyError, ValueError, IndexError) as error:
            raise ArgumentError(
                f"path: {self.path!r} cannot be filled in ({error}); there are epoch, "
                f"{', '.join(numbers)}"
            ) from None
        with trainer.averaged_weights():
            trainer.model.save(path)
        if self.keep is not None:
            self.files = [*(file for file in self.files if file != path), path]
            while len(self.files) > self.keep:
                with contextlib.suppress(OSError):
                    Path(self.files.pop(0)).unlink()

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint needs."""
        return {"best": self.best.value, "files": self.files}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over a `state_dict`."""
        self.best.value, self.files = float(state["best"]), list(state["files"])
