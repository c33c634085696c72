"""Sums of loss and metrics over the samples of an epoch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["Sums"]


class Sums:
    """Loss and metrics summed over samples."""

    def __init__(self, metrics: dict[str, Callable[[Any, Any], float]]) -> None:
        self.count = 0
        self._metrics = metrics
        self._sums = dict.fromkeys(("loss", *metrics), 0.0)

    def add(self, count: int, loss: float, target: Any, output: Any) -> None:
        """Take in the means over a batch."""
        self.count += count
        self._sums["loss"] += count * loss
        for name, metric in self._metrics.items():
            self._sums[name] += count * float(metric(target, output))

    def means(self) -> dict[str, float]:
        """Means over all samples so far."""
        return {name: value / self.count for name, value in self._sums.items()}

    def clear(self) -> None:
        """Forget all samples."""
        self.count = 0
        self._sums = dict.fromkeys(self._sums, 0.0)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint needs."""
        return {"count": self.count, "sums": dict(self._sums)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over a `state_dict`."""
        self.count = int(state["count"])
        self._sums = {name: float(state["sums"][name]) for name in self._sums}
