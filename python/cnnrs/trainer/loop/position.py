"""Progress of one call of `fit`: its epochs, batches and sums."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cnnrs.trainer.loop.sums import Sums

__all__ = ["Position"]


@dataclass
class Position:
    """Progress of one call of `Trainer.fit`.

    Attributes
    ----------
    sums : Sums
        Sums of the current epoch.
    start : list of int
        Epoch and step of the trainer when the call began.
    epochs : int
        Whole epochs done in this call.
    batches : int
        Batches done in the current epoch.
    rate : float
        Learning rate of the last step.
    seconds : float
        Time spent in the current epoch, including the time before a resumed checkpoint.
    warned : bool
        Whether over-fitting was reported.
    """

    sums: Sums
    start: list[int] = field(default_factory=lambda: [0, 0])
    epochs: int = 0
    batches: int = 0
    rate: float = 0.0
    seconds: float = 0.0
    warned: bool = False

    def next_epoch(self) -> None:
        """Move to the start of the next epoch."""
        self.epochs += 1
        self.batches, self.seconds = 0, 0.0
        self.sums.clear()

    def state_dict(self) -> dict[str, Any]:
        """Return the state for a checkpoint."""
        return {**vars(self), "sums": self.sums.state_dict()}

    def restored(self, state: Mapping[str, Any]) -> Position:
        """Return a position with the state of a `state_dict`; this one is not changed."""
        settings = dict(state)
        sums = self.sums.empty()
        sums.load_state_dict(settings.pop("sums"))
        return Position(sums, **settings)
