"""Write the numbers of every epoch for TensorBoard."""

from __future__ import annotations

import importlib
import math
import os
from typing import Any

from cnnrs import _arguments
from cnnrs.callbacks.base import Callback

__all__ = ["TensorBoard"]


class TensorBoard(Callback):
    """Write the numbers of every epoch for TensorBoard.

    It needs tensorboardX: ``pip install 'cnnrs[tensorboard]'``. Numbers that begin with ``val_``
    are drawn next to the training numbers: ``loss/training`` and ``loss/validation``. A resumed
    training writes a new file into the same folder, which hides the steps after its checkpoint in
    the older file.

    Parameters
    ----------
    folder : path
        Folder of this training alone.
    every : int, optional
        Also write the loss of a batch, as ``batch_loss``, every `every` steps.

    Raises
    ------
    ImportError
        When a training starts, if tensorboardX is not installed.

    Examples
    --------
    >>> callback = TensorBoard("runs/first", every=100)
    >>> callback
    TensorBoard(folder='runs/first', every=100)
    """

    def __init__(self, folder: str | os.PathLike[str], *, every: int | None = None) -> None:
        self.folder = os.fspath(folder)
        self.every = None if every is None else _arguments.integer("every", every, 1)
        self._writer: Any = None

    def on_fit_start(self, trainer: Any) -> None:
        """Check that tensorboardX is installed."""
        try:
            importlib.import_module("tensorboardX")
        except ImportError:
            raise ImportError(
                "the TensorBoard callback needs tensorboardX: pip install 'cnnrs[tensorboard]'"
            ) from None

    def _open(self, step: int) -> Any:
        if self._writer is None:
            self._writer = importlib.import_module("tensorboardX").SummaryWriter(
                self.folder, purge_step=step
            )
        return self._writer

    def on_step_end(self, trainer: Any, loss: float) -> None:
        """Write the loss of the batch every `every` steps."""
        if self.every is not None and trainer.step % self.every == 0:
            self._open(trainer.step).add_scalar("batch_loss", loss, trainer.step)

    def on_epoch_end(self, trainer: Any, numbers: dict[str, float]) -> None:
        """Write the numbers of the epoch."""
        writer = self._open(trainer.step)
        for name, value in numbers.items():
            if math.isfinite(value):
                writer.add_scalar(_tag(name, numbers), value, trainer.step)
        writer.flush()

    def on_fit_end(self, trainer: Any) -> None:
        """Close the file."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def _tag(name: str, numbers: dict[str, float]) -> str:
    if name.startswith("val_"):
        return f"{name.removeprefix('val_')}/validation"
    return f"{name}/training" if f"val_{name}" in numbers else name
