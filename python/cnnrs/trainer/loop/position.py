"""How far a call of `fit` is."""

from __future__ import annotations

from dataclasses import dataclass, field

from cnnrs.trainer.loop.sums import Sums

__all__ = ["Position"]


@dataclass
class Position:
    """How far a call of `Trainer.fit` is.

    Attributes
    ----------
    sums : Sums
        Of the epoch so far.
    start : list of int
        Epoch and step of the trainer when the call began.
    epochs : int
        Whole epochs done in this call.
    batches : int
        Batches done in the epoch.
    rate : float
        Learning rate of the last step.
    seconds : float
        Spent in the epoch, before a checkpoint that was resumed.
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
        """Stand at the start of the epoch after this one."""
        self.epochs += 1
        self.batches, self.seconds = 0, 0.0
        self.sums.clear()
