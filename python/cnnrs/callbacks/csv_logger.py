"""Write the numbers of every epoch to a CSV file."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cnnrs.callbacks.base import Callback

__all__ = ["CSVLogger"]


class CSVLogger(Callback):
    """Write the numbers of every epoch to a CSV file, line by line.

    Parameters
    ----------
    path : path
        Overwritten when a training starts. A resumed training keeps the lines up to its checkpoint,
        and drops the lines of epochs that are done again.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> import cnnrs
    >>> from cnnrs.layers import Dense
    >>> trainer = cnnrs.Trainer(cnnrs.Sequential((4,), [Dense(4)]))
    >>> data = np.eye(4), np.arange(4)
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "log.csv"
    >>> history = trainer.fit(data, epochs=2, callbacks=[cnnrs.callbacks.CSVLogger(path)])
    >>> len(path.read_text().splitlines())
    3
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._columns: list[str] = []
        self._length = 0  # bytes that are written and kept

    def on_fit_start(self, trainer: Any) -> None:
        """Start a new table."""
        self._columns, self._length = [], 0

    def on_epoch_end(self, trainer: Any, numbers: dict[str, float]) -> None:
        """Append a line."""
        self._cut()
        with self.path.open("a", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            if not self._columns:
                self._columns = list(numbers)
            if not self._length:
                writer.writerow(["epoch", *self._columns])
            writer.writerow([trainer.epoch, *(numbers.get(name, "") for name in self._columns)])
            self._length = stream.tell()

    def _cut(self) -> None:
        """Drop everything after the lines that are kept; all lines if the file is another one."""
        size = self.path.stat().st_size if self.path.exists() else 0
        if size < self._length:
            self._length = 0
        if size != self._length:
            os.truncate(self.path, self._length)

    def state_dict(self) -> dict[str, Any]:
        """Return the state for a checkpoint."""
        return {"columns": self._columns, "length": self._length}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore a `state_dict`."""
        self._columns, self._length = list(state["columns"]), int(state["length"])
