"""Save models during training."""

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
    """Save the model after an epoch, by default if it is the best so far.

    The files are models to use. To resume a training, pass ``checkpoint_dir`` to `Trainer.fit`.

    =================================================================  ========================
    ``ModelCheckpoint("best.cnnrs")``                                  the best model so far
    ``ModelCheckpoint("last.cnnrs", best_only=False)``                 the newest model
    ``ModelCheckpoint("{epoch:03d}.cnnrs", best_only=False, keep=3)``  the newest three
    ``ModelCheckpoint("{epoch:03d}-{val_loss:.3f}.cnnrs", keep=3)``    the best three so far
    =================================================================  ========================

    Parameters
    ----------
    path : path
        May contain ``{epoch}`` and names of numbers:
        ``"model-{epoch:03d}-{val_accuracy:.4f}.cnnrs"``.
    monitor : str
        Name of the number that decides which model is best.
    mode : {"auto", "min", "max"}
        Whether less or more is better. ``"auto"`` means less for names that contain ``loss`` or
        ``error``, and more for all others.
    best_only : bool
        Whether to save only if the number has improved.
    keep : int, optional
        How many files to keep, the newest. Older ones are deleted after a newer one is on the disk.
        By default all are kept.

    Notes
    -----
    If the trainer averages weights, the averages are saved, since the numbers are measured with
    them.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> import cnnrs
    >>> from cnnrs.layers import Dense
    >>> trainer = cnnrs.Trainer(cnnrs.Sequential((4,), [Dense(4)]))
    >>> data = np.eye(4), np.arange(4)
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> best = cnnrs.callbacks.ModelCheckpoint(folder / "{epoch}.cnnrs", "loss", keep=1)
    >>> history = trainer.fit(data, epochs=3, callbacks=[best])
    >>> [path.name for path in folder.iterdir()]
    ['3.cnnrs']
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
        self.best_only = _arguments.flag("best_only", best_only)
        self.best = Best(monitor, mode)
        self.monitor, self.mode = monitor, mode
        self.keep = None if keep is None else _arguments.integer("keep", keep, 1)
        self.files: list[str] = []

    def on_epoch_end(self, trainer: Any, numbers: dict[str, float]) -> None:
        """Save the model, if it is the best or all are saved."""
        if self.best_only and not self.best.improved(numbers):
            return
        try:
            path = self.path.format(epoch=trainer.epoch, **numbers)
        except (KeyError, ValueError, IndexError) as error:
            raise ArgumentError(
                f"path: expected a path with {{epoch}} or names of numbers to fill in "
                f"({', '.join(numbers)}), got {self.path!r} ({error})"
            ) from None
        with trainer.averaged_weights():
            trainer.model.save(path)
        if self.keep is not None:
            self.files = [*(file for file in self.files if file != path), path]
            while len(self.files) > self.keep:
                with contextlib.suppress(OSError):
                    Path(self.files.pop(0)).unlink()

    def state_dict(self) -> dict[str, Any]:
        """Return the state for a checkpoint."""
        return {"best": self.best.value, "files": self.files}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore a `state_dict`."""
        self.best.value, self.files = float(state["best"]), list(state["files"])
