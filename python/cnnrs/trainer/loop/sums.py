"""Accumulate loss and metrics over the batches of an epoch.

Metrics that are means over samples are summed; the others keep a tally of all samples.
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
    """Loss and metrics over the samples so far.

    Parameters
    ----------
    metrics : mapping of str to Metric
    ignore_index : int, optional
        Labels with this class number are left out of the metrics.

    Attributes
    ----------
    count : int
        Samples so far.
    judged : int
        Samples (or labels, with an `ignore_index`) that the metrics are means over.
    """

    def __init__(self, metrics: Mapping[str, Metric], ignore_index: int | None = None) -> None:
        self.count = 0
        self.judged = 0
        self._ignore_index = ignore_index
        self._all = dict(metrics)
        self._metrics = {
            name: metric for name, metric in metrics.items() if not isinstance(metric, WholeSet)
        }
        self._sums = dict.fromkeys(("loss", *self._metrics), 0.0)
        self._whole = {
            name: metric for name, metric in metrics.items() if isinstance(metric, WholeSet)
        }
        self._tallies = {name: metric.start() for name, metric in self._whole.items()}

    def empty(self) -> Sums:
        """Return empty sums of the same metrics."""
        return Sums(self._all, self._ignore_index)

    def add(self, count: int, loss: float, target: Any, output: Any) -> None:
        """Add a batch of `count` samples: its mean loss, and its metrics."""
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
        """Return the loss and the metrics that are means, over the samples so far."""
        judged = self.judged or math.nan
        return {
            name: value / (self.count if name == "loss" else judged)
            for name, value in self._sums.items()
        }

    def means(self) -> dict[str, float]:
        """Return the loss and all metrics over the samples so far."""
        tallied = {
            name: float(tally.result()) if self.judged else math.nan
            for name, tally in self._tallies.items()
        }
        values = self.running() | tallied
        return {name: values[name] for name in ("loss", *self._all)}

    def clear(self) -> None:
        """Forget all samples."""
        self.count = self.judged = 0
        self._sums = dict.fromkeys(self._sums, 0.0)
        self._tallies = {name: metric.start() for name, metric in self._whole.items()}

    def state_dict(self) -> dict[str, Any]:
        """Return the state for a checkpoint."""
        tallies = {name: tally.state_dict() for name, tally in self._tallies.items()}
        return {
            "count": self.count,
            "judged": self.judged,
            "sums": dict(self._sums),
            "tallies": tallies,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore a `state_dict`."""
        self.count, self.judged = int(state["count"]), int(state["judged"])
        self._sums = {name: float(state["sums"][name]) for name in self._sums}
        for name, tally in self._tallies.items():
            tally.load_state_dict(state["tallies"][name])
