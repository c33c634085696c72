"""Loss and metrics over the samples of an epoch: sums of what is a mean over samples, tallies of
what is not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from cnnrs.metrics import WholeSet
from cnnrs.metrics.named import Metric

__all__ = ["Sums"]


class Sums:
    """Loss and metrics, batch after batch."""

    def __init__(self, metrics: Mapping[str, Metric], ignore_index: int | None = None) -> None:
        self.count = 0
        # what the means of metrics are over: samples, or with an ignored class number the labels
        # that are not
        self.judged = 0
        self._ignore_index = ignore_index
        self._names = list(metrics)
        self._metrics = {
            name: metric for name, metric in metrics.items() if not isinstance(metric, WholeSet)
        }
        self._sums = dict.fromkeys(("loss", *self._metrics), 0.0)
        self._whole = {
            name: metric for name, metric in metrics.items() if isinstance(metric, WholeSet)
        }
        self._tallies = {name: metric.start() for name, metric in self._whole.items()}

    def add(self, count: int, loss: float, target: Any, output: Any) -> None:
        """Take in a batch: its mean loss, and targets and outputs for the metrics."""
        self.count += count
        self._sums["loss"] += count * loss
        judged = count
        if self._ignore_index is not None:
            target = np.asarray(target)
            if target.shape == output.shape[:-1]:
                kept = target != self._ignore_index
                target, output, judged = target[kept], output[kept], int(kept.sum())
                if not judged:
                    return
        self.judged += judged
        for name, metric in self._metrics.items():
            self._sums[name] += judged * float(metric(target, output))
        for tally in self._tallies.values():
            tally.add(target, output)

    def running(self) -> dict[str, float]:
        """Means over all samples so far, of what is a mean."""
        judged = self.judged or math.nan
        return {
            name: value / (self.count if name == "loss" else judged)
            for name, value in self._sums.items()
        }

    def means(self) -> dict[str, float]:
        """All values over all samples so far."""
        tallied = {
            name: float(tally.result()) if self.judged else math.nan
            for name, tally in self._tallies.items()
        }
        values = self.running() | tallied
        return {name: values[name] for name in ("loss", *self._names)}

    def clear(self) -> None:
        """Forget all samples."""
        self.count = self.judged = 0
        self._sums = dict.fromkeys(self._sums, 0.0)
        self._tallies = {name: metric.start() for name, metric in self._whole.items()}

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint needs."""
        tallies = {name: tally.state_dict() for name, tally in self._tallies.items()}
        return {
            "count": self.count,
            "judged": self.judged,
            "sums": dict(self._sums),
            "tallies": tallies,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over a `state_dict`."""
        self.count, self.judged = int(state["count"]), int(state["judged"])
        self._sums = {name: float(state["sums"][name]) for name in self._sums}
        for name, tally in self._tallies.items():
            tally.load_state_dict(state["tallies"][name])
