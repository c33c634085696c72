"""Epochs of training and evaluation on top of single steps."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, closing
from typing import Any

from cnnrs import _arguments
from cnnrs import metrics as metric_functions
from cnnrs import optimizers as optimizer_rules
from cnnrs.callbacks import Chain
from cnnrs.errors import DTypeError, ShapeError
from cnnrs.model import Model
from cnnrs.trainer.checkpoint.saving import Saving
from cnnrs.trainer.loop.feed import Feed
from cnnrs.trainer.loop.history import History
from cnnrs.trainer.loop.position import Position
from cnnrs.trainer.loop.progress import Progress
from cnnrs.trainer.loop.step import Losses, Steps
from cnnrs.trainer.loop.sums import Sums

__all__ = ["Epochs", "Metric"]

Metric = str | Callable[[Any, Any], float] | metric_functions.WholeSet
_log = logging.getLogger("cnnrs")


class Epochs(Steps):
    """Trains and evaluates for whole epochs; base class of `Trainer`, without its arguments."""

    def __init__(
        self,
        model: Model,
        loss: Losses,
        optimizer: str | optimizer_rules.Optimizer | None,
        metrics: str | Sequence[Metric],
        seed: int,
        loss_weights: Sequence[float] | None,
        accumulate: int,
        average: optimizer_rules.Average | None,
        leak_guard: bool,
    ) -> None:
        super().__init__(
            model, loss, optimizer, seed, loss_weights, accumulate, average, leak_guard
        )
        if isinstance(metrics, str) or callable(metrics):
            metrics = [metrics]
        if not _arguments.is_sequence(metrics):
            raise DTypeError(f"metrics: expected a sequence of names or functions, got {metrics!r}")
        self.metrics = dict(metric_functions.get(metric) for metric in metrics)
        self.epoch = 0
        self.stop = False
        self.history = History()

    def _new_sums(self) -> Sums:
        """Return empty sums of loss and metrics; labels that the loss ignores are left out."""
        return Sums(self.metrics, getattr(self.losses[0], "ignore_index", None))

    def _feed(
        self, data: Any, batch_size: int, *, shuffle: bool = False, name: str = "data"
    ) -> Feed:
        return Feed(data, batch_size, shuffle=shuffle, seed=self.seed, name=name)

    # --- training ---------------------------------------------------------------------------------
    def _train_epoch(
        self,
        feed: Feed,
        validation: Feed | None,
        position: Position,
        chain: Chain,
        saving: Saving,
        bar: Progress,
    ) -> dict[str, float]:
        """Train on the rest of an epoch, evaluate, and return the numbers of the epoch."""
        if position.batches == 0:
            chain.on_epoch_start(self)
        with bar:
            with closing(self._steps(feed, position, bar)) as losses:
                for loss in losses:
                    chain.on_step_end(self, loss)
                    saving.after_step()
            numbers = self._end_epoch(position, validation)
            bar.show(numbers)
        chain.on_epoch_end(self, numbers)
        return numbers

    def _steps(self, feed: Feed, position: Position, bar: Progress) -> Generator[float]:
        """Train on the remaining batches of an epoch, and yield the loss of each."""
        before, started = position.seconds, time.perf_counter()
        guard = self.runtime.leak_guard
        watch = guard.remember if guard is not None and position.epochs == 0 else None
        with closing(feed.epoch(self.epoch, position.batches, watch)) as batches:
            for x, y in batches:
                self._where = f"epoch {self.epoch + 1}, step {position.batches + 1}"
                self._schedule_epoch = position.epochs + (
                    position.batches / feed.batches if feed.batches else 0.0
                )
                position.rate = self.learning_rate
                try:
                    self._forward(x)
                    value = self.compute_loss(y)
                    count = len(self._outputs[0])
                    position.sums.add(count, value, self._targets[0], self._outputs[0])
                    self.backward()
                    self.update()
                finally:
                    self._release()
                position.batches += 1
                position.seconds = before + time.perf_counter() - started
                bar.advance(count, position.sums.running())
                yield value
        if not position.sums.count:
            raise ShapeError(f"{feed.name}: expected samples to train on, got none")

    def _end_epoch(self, position: Position, validation: Feed | None) -> dict[str, float]:
        """Evaluate the model, and add the numbers of the epoch to the history."""
        sums, seconds = position.sums, position.seconds
        numbers, samples = sums.means(), {}
        self.epoch += 1
        self._schedule_epoch = position.epochs + 1.0
        if validation is not None:
            judged, found = self._evaluate(validation, look=position.epochs == 0)
            numbers |= {f"val_{name}": mean for name, mean in judged.means().items()}
            if found and (guard := self.runtime.leak_guard) is not None:
                _log.warning("validation: %s", guard.sentence(found, judged.count))
            if self._has_interval(judged):
                samples["val_accuracy"] = judged.judged
        numbers |= {
            "learning_rate": position.rate,
            "seconds": seconds,
            "images_per_second": sums.count / max(seconds, 1e-9),
        }
        self.history.add(numbers, samples)
        self.runtime.updater.observe(numbers)
        verdict = self.history.over_fitting()
        if verdict and not position.warned:
            position.warned = True
            _log.warning("epoch %d: %s", self.epoch, verdict)
        position.next_epoch()
        return numbers

    # --- evaluation -------------------------------------------------------------------------------
    def averaged_weights(self) -> AbstractContextManager[None]:
        """Give the model its averaged weights inside a ``with`` block, for example to save them.

        Without `average`, nothing changes.

        Returns
        -------
        context manager
        """
        return self.runtime.updater.averaged_weights()

    def _evaluate(self, feed: Feed, *, look: bool) -> tuple[Sums, int]:
        """Return the sums over all batches, and how many images were trained on if `look`."""
        sums, guard = self._new_sums(), self.runtime.leak_guard
        found: list[int] = []
        watch = (
            (lambda images: found.append(guard.count(images)))
            if look and guard is not None
            else None
        )
        with self.averaged_weights():
            for x, y in feed.epoch(0, watch=watch):
                outputs = self.runtime.network(x)
                listed = outputs if isinstance(outputs, list) else [outputs]
                targets = self._as_targets(y)
                sums.add(
                    len(listed[0]), self._weighted_loss(listed, targets), targets[0], listed[0]
                )
        if not sums.count:
            raise ShapeError(f"{feed.name}: expected samples to evaluate the model on, got none")
        return sums, sum(found)

    def _has_interval(self, sums: Sums) -> bool:
        """Return whether an accuracy is a share of samples.

        It is not for outputs with one class for each pixel, which depend on one another.
        """
        whole_samples = len(self.runtime.network.outputs[0].shape) == 1
        return "accuracy" in self.metrics and whole_samples and sums.judged > 0
