"""The `Trainer`: steps, batch after batch and epoch after epoch, and what comes of them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from cnnrs import _arguments
from cnnrs import metrics as metric_functions
from cnnrs import optimizers as optimizer_rules
from cnnrs.callbacks import Callback
from cnnrs.errors import ArgumentError, ShapeError
from cnnrs.model import Model
from cnnrs.trainer.feed import Feed
from cnnrs.trainer.history import History
from cnnrs.trainer.leak_guard import LeakGuard, check_leak_option
from cnnrs.trainer.progress import Progress
from cnnrs.trainer.step import Losses, Steps
from cnnrs.trainer.sums import Sums

__all__ = ["Trainer"]

Metric = str | Callable[[Any, Any], float]
_log = logging.getLogger("cnnrs")


class Trainer(Steps):
    """Trains a model.

    A training step has four parts, `forward`, `loss`, `backward` and `update`; `train_step` is all of them, `fit` is steps and epochs.
    The same seed gives the same weights, bit for bit, with any number of threads.

    Parameters
    ----------
    model : Model
        One that ends in softmax is trained on what stands in front of it, with a loss that takes logits.
    loss : str or Loss, or a sequence of them
        One for each output of the model.
    optimizer : str or Optimizer, optional
        By default ``SGD(0.01, momentum=0.9)``.
    metrics : sequence of str or callable
        Means over samples beside the loss: ``"accuracy"``, ``"top_5_accuracy"``, or functions of target and output.
        They judge the first output.
    seed : int
        Of the order of the samples and of dropout.
    loss_weights : sequence of float, optional
        For several outputs, the weight of each loss in the sum.

    Attributes
    ----------
    epoch, step : int
        Epochs and updates done.
    history : History
        Of all calls of `fit`.
    stop : bool
        Callbacks set this to end the training after the epoch.

    Examples
    --------
    >>> import numpy as np
    >>> import cnnrs
    >>> from cnnrs.layers import Dense
    >>> x, y = np.eye(4).repeat(8, axis=0), np.arange(4).repeat(8)
    >>> trainer = Trainer(cnnrs.Sequential((4,), [Dense(4)]), optimizer=cnnrs.optimizers.SGD(1.0))
    >>> history = trainer.fit((x, y), epochs=20, batch_size=8)
    >>> trainer.evaluate((x, y), leak="ignore")["accuracy"]
    1.0
    """

    def __init__(
        self,
        model: Model,
        loss: Losses = "cross_entropy",
        optimizer: str | optimizer_rules.Optimizer | None = None,
        metrics: Sequence[Metric] = ("accuracy",),
        *,
        seed: int = 0,
        loss_weights: Sequence[float] | None = None,
    ) -> None:
        super().__init__(model, loss, optimizer, seed, loss_weights)
        if isinstance(metrics, str):
            metrics = [metrics]
        self.metrics = dict(metric_functions.get(metric) for metric in metrics)
        self.epoch = 0
        self.stop = False
        self.history = History()
        self._guard = LeakGuard()

    # --- epochs -----------------------------------------------------------------------------------------------------------------
    def fit(
        self,
        data: Any,
        *,
        epochs: int = 1,
        batch_size: int = 64,
        validation: Any = None,
        shuffle: bool = True,
        callbacks: Sequence[Callback] = (),
        progress: bool | None = None,
    ) -> History:
        """Train for some epochs.

        Parameters
        ----------
        data : pair (x, y) of arrays, data set, `cnnrs.data.Loader`, or iterable of batches (x, y)
        epochs : int
            How often every sample is used; a second call goes on where the first ended.
        batch_size : int
            Samples per update, for arrays and data sets; the last batch of an epoch may be shorter.
        validation : like data, optional
            Judged after every epoch, as ``val_loss``, ``val_accuracy``, ...
        shuffle : bool
            A new order in every epoch, keyed by the trainer's seed and the epoch.
        callbacks : sequence of Callback
        progress : bool, optional
            Whether to show a bar on stderr; by default on a terminal only.

        Returns
        -------
        History

        Raises
        ------
        NonFiniteError
            As soon as the loss or a gradient is infinite or not a number, naming epoch and step.
        KeyboardInterrupt
            At Ctrl-C; the model is then whole.
        """
        epochs = _arguments.integer("epochs", epochs, 0)
        feed = Feed(data, batch_size, shuffle=shuffle, seed=self.seed)
        if feed.once and epochs > 1:
            raise ArgumentError("data: an iterator can be read only once; pass something that can be read every epoch, or epochs=1")
        judge = None if validation is None else Feed(validation, batch_size, shuffle=False, seed=self.seed)
        self.stop = False
        self._schedule_epochs = max(epochs, 1)
        warned = False
        for callback in callbacks:
            callback.on_fit_start(self)
        try:
            for number in range(epochs):
                for callback in callbacks:
                    callback.on_epoch_start(self)
                numbers = self._train_epoch(feed, number, epochs, judge, callbacks, progress, remember=number == 0)
                self.history.add(numbers)
                for callback in callbacks:
                    callback.on_epoch_end(self, numbers)
                verdict = self.history.over_fitting()
                if verdict and not warned:
                    warned = True
                    _log.warning("epoch %d: %s", self.epoch, verdict)
                if self.stop:
                    break
        finally:
            self._where = ""
            for callback in callbacks:
                callback.on_fit_end(self)
        return self.history

    def _train_epoch(
        self,
        feed: Feed,
        number: int,
        epochs: int,
        judge: Feed | None,
        callbacks: Sequence[Callback],
        progress: bool | None,
        *,
        remember: bool,
    ) -> dict[str, float]:
        sums = Sums(self.metrics)
        bar = Progress(f"epoch {number + 1}/{epochs}", feed.samples, progress)
        rate = 0.0
        started = time.perf_counter()
        numbers: dict[str, float] | None = None
        try:
            for position, (x, y) in enumerate(feed.epoch(self.epoch)):
                self._where = f"epoch {self.epoch + 1}, step {position + 1}"
                self._schedule_epoch = number + (position / feed.batches if feed.batches else 0.0)
                rate = self.learning_rate
                if remember:
                    self._guard.remember(x[0] if len(self.network.inputs) > 1 else x)
                with self._step():
                    self._forward(x)
                    value = self.loss(y)
                    count = len(self._outputs[0])
                    sums.add(count, value, self._targets[0], self._outputs[0])
                    self.backward()
                    self.update()
                bar.advance(count, sums.means())
                for callback in callbacks:
                    callback.on_step_end(self, value)
            if not sums.count:
                raise ShapeError("data: there are no samples to train on")
            self.epoch += 1
            self._schedule_epoch = number + 1.0
            seconds = time.perf_counter() - started
            numbers = sums.means()
            if judge is not None:
                numbers |= {f"val_{name}": mean for name, mean in self._judge(judge)[0].means().items()}
            return numbers | {"learning_rate": rate, "seconds": seconds, "images_per_second": sums.count / max(seconds, 1e-9)}
        finally:
            bar.close(numbers)

    @contextmanager
    def _step(self) -> Iterator[None]:
        try:
            yield
        finally:
            self._release()

    # --- judging ----------------------------------------------------------------------------------------------------------------
    def evaluate(self, data: Any, *, batch_size: int = 64, leak: str = "warn") -> dict[str, Any]:
        """How good the model is on some data, without training.

        Parameters
        ----------
        data : like that of `fit`
        batch_size : int
        leak : {"warn", "refuse", "ignore"}
            What to do if some of the images were trained on: a `LeakWarning`, an error, or nothing.

        Returns
        -------
        dict
            ``loss``, each metric, ``n`` (the number of samples) and, with accuracy, ``accuracy_interval``, within which the accuracy on
            images of this kind lies with 95 % confidence.

        Raises
        ------
        ArgumentError
            With ``leak="refuse"``, if images were trained on.
        """
        check_leak_option(leak)
        sums, found = self._judge(Feed(data, batch_size, shuffle=False, seed=self.seed), look=leak != "ignore")
        LeakGuard.report(found, sums.count, leak)
        result: dict[str, Any] = {**sums.means(), "n": sums.count}
        if "accuracy" in self.metrics and self._targets_are_labels(sums):
            right = round(result["accuracy"] * sums.count)
            result["accuracy_interval"] = metric_functions.wilson_interval(right, sums.count)
        return result

    def _targets_are_labels(self, sums: Sums) -> bool:
        return len(self.network.outputs[0].shape) == 1

    def _judge(self, feed: Feed, *, look: bool = False) -> tuple[Sums, int]:
        """Sums over all batches, and how many images were trained on."""
        sums, found = Sums(self.metrics), 0
        several = len(self.network.inputs) > 1
        for x, y in feed.epoch(0):
            outputs = self.network(x)
            listed = outputs if isinstance(outputs, list) else [outputs]
            targets = self._as_targets(y)
            sums.add(len(listed[0]), self._weighted_loss(listed, targets), targets[0], listed[0])
            if look:
                found += self._guard.count(x[0] if several else x)
        if not sums.count:
            raise ShapeError("data: there are no samples to judge the model by")
        return sums, found

    def predict(self, x: Any, *, names: bool = False, batch_size: int = 64) -> Any:
        """The most probable class of each sample; see `Model.predict`."""
        return self.model.predict(x, names=names, batch_size=batch_size)
