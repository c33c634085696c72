"""The `Trainer`: forward pass, loss, backward pass and update, batch after batch and epoch after epoch."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from cnnrs import _arguments, ops
from cnnrs import losses as loss_functions
from cnnrs import metrics as metric_functions
from cnnrs import optimizers as optimizer_rules
from cnnrs.callbacks import Callback
from cnnrs.errors import ArgumentError, DTypeError, NonFiniteError, ShapeError
from cnnrs.model import Model
from cnnrs.model.batch import as_batch
from cnnrs.trainer.feed import Feed
from cnnrs.trainer.history import History
from cnnrs.trainer.interrupts import uninterrupted
from cnnrs.trainer.leak_guard import LeakGuard, check_leak_option
from cnnrs.trainer.progress import Progress
from cnnrs.trainer.segments import segments

__all__ = ["Trainer"]

Metric = str | Callable[[Any, Any], float]
_log = logging.getLogger("cnnrs")


class Trainer:
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
        loss: str | loss_functions.Loss | Sequence[str | loss_functions.Loss] = "cross_entropy",
        optimizer: str | optimizer_rules.Optimizer | None = None,
        metrics: Sequence[Metric] = ("accuracy",),
        *,
        seed: int = 0,
        loss_weights: Sequence[float] | None = None,
    ) -> None:
        if not isinstance(model, Model):
            raise DTypeError(f"model: expected a cnnrs.Model, got {type(model).__name__}")
        self.model = model
        listed: Sequence[str | loss_functions.Loss] = [loss] if isinstance(loss, (str, loss_functions.Loss)) else loss
        self.losses = [loss_functions.get(item) for item in listed]
        count = len(model.outputs)
        if len(self.losses) != count:
            raise ArgumentError(f"loss: the model has {count} outputs, got {len(self.losses)} losses")
        self.loss_weights = [1.0] * count if loss_weights is None else [_arguments.number("loss_weights", item, 0) for item in loss_weights]
        if len(self.loss_weights) != count:
            raise ArgumentError(f"loss_weights: the model has {count} outputs, got {len(self.loss_weights)} weights")
        self.network = model.without_softmax() if all(item.takes_logits for item in self.losses) else model
        self.optimizer = optimizer_rules.SGD(0.01, 0.9) if optimizer is None else optimizer_rules.get(optimizer)
        if isinstance(metrics, str):
            metrics = [metrics]
        self.metrics = dict(metric_functions.get(metric) for metric in metrics)
        self.seed = _arguments.counter("seed", seed, 64)
        self.epoch = 0
        self.step = 0
        self.stop = False
        self.history = History()
        self.optimizer_state: dict[str, Any] = {}
        self._guard = LeakGuard()
        self._schedule_epoch = 0.0
        self._schedule_epochs = 1
        self._where = ""
        self._block: Any = None
        self._run: Any = None
        self._outputs: list[Any] = []
        self._targets: list[Any] = []
        self._ready = ""  # which part of a step comes next

    # --- the four parts of a step ----------------------------------------------------------------------------------------------
    def forward(self, x: Any) -> Any:
        """The outputs of the model in training, with dropout; the first part of a step.

        Parameters
        ----------
        x : array-like of shape (n, *input_shape)

        Returns
        -------
        ndarray of shape (n, *output_shape)
            For several outputs a list of arrays.
        """
        self._forward(x)
        copies = [output.copy() for output in self._outputs]
        return copies[0] if len(copies) == 1 else copies

    def _forward(self, x: Any) -> None:
        self._release()
        network = self.network
        arrays, count = as_batch(network.graph, x)
        if count == 0:
            raise ShapeError("x: a training step needs at least one sample, got none")
        self._block, self._run = network.acquire(network.plan_for(training=True), count)
        self._outputs = self._run.forward(arrays, seed=self.seed, step=self.step)
        self._ready = "loss"

    def loss(self, y: Any) -> float:
        """How wrong the outputs are; the second part of a step.

        Parameters
        ----------
        y : array-like
            Class numbers of shape (n,), or what the loss takes; for several outputs a list.

        Returns
        -------
        float

        Raises
        ------
        NonFiniteError
            If it is infinite or not a number.
        """
        self._expect("loss", "forward")
        self._targets = self._as_targets(y)
        value = self._weighted_loss(self._outputs, self._targets)
        if not math.isfinite(value):
            raise self._diverged(f"the loss is {value}")
        self._ready = "backward"
        return value

    def backward(self) -> None:
        """The gradients of all parameters (`Model.gradients`); the third part of a step."""
        self._expect("backward", "loss")
        parts = zip(self.losses, self.loss_weights, self._outputs, self._targets, self._run.output_gradients(), strict=True)
        for loss, weight, output, target, (buffer, starts) in parts:
            result = loss.gradient(output, target, buffer) if starts and weight == 1 else weight * loss.gradient(output, target)
            if result is not buffer:
                if starts:
                    buffer[...] = result
                else:
                    buffer += result
        self._run.backward()
        self._ready = "update"

    def update(self) -> None:
        """Change the parameters; the last part of a step.

        Nothing interrupts it: Ctrl-C takes effect afterwards.

        Raises
        ------
        NonFiniteError
            If a gradient is infinite or not a number; the parameters are then as they were.
        """
        self._expect("update", "backward")
        arena = self.network.arena
        if not ops.all_finite(arena.gradients):
            raise self._diverged("a gradient is infinite or not a number")
        rate = self.learning_rate
        for slot in self.optimizer.slots:
            if slot not in self.optimizer_state or self.optimizer_state[slot].size != arena.size:
                self.optimizer_state[slot] = np.zeros(arena.size, arena.dtype)
        parts = segments(self.network, arena, decay_biases=self.optimizer.decay_biases or not self.optimizer.weight_decay)
        values, gradients = arena.values, arena.gradients
        with uninterrupted():
            for region, decays in parts:
                self.optimizer.update(
                    values[region],
                    gradients[region],
                    {name: array[region] for name, array in self.optimizer_state.items()},
                    learning_rate=rate,
                    weight_decay=self.optimizer.weight_decay if decays else 0.0,
                    step=self.step,
                )
            self.step += 1
        self._release()

    def train_step(self, x: Any, y: Any) -> float:
        """One forward pass, loss, backward pass and update.

        Returns
        -------
        float
            The loss, before the update.

        Raises
        ------
        NonFiniteError
            If the loss or a gradient is infinite or not a number; the parameters are then as they were.
        """
        try:
            self._forward(x)
            value = self.loss(y)
            self.backward()
            self.update()
        finally:
            self._release()
        return value

    @property
    def learning_rate(self) -> float:
        """The rate of the next update."""
        return self.optimizer.rate(self._schedule_epoch, self._schedule_epochs)

    def _expect(self, part: str, before: str) -> None:
        if self._ready != part:
            raise ArgumentError(f"{part}: call {before} first; a step is forward, loss, backward, update")

    def _release(self) -> None:
        if self._block is not None:
            self.network.release(self._block)
        self._block = self._run = None
        self._outputs, self._targets, self._ready = [], [], ""

    def _as_targets(self, y: Any) -> list[Any]:
        if len(self.losses) == 1:
            return [y]
        if not isinstance(y, (list, tuple)) or len(y) != len(self.losses):
            raise ShapeError(f"y: the model has {len(self.losses)} outputs; expected a list of {len(self.losses)} targets")
        return list(y)

    def _weighted_loss(self, outputs: Sequence[Any], targets: Sequence[Any]) -> float:
        parts = zip(self.losses, self.loss_weights, outputs, targets, strict=True)
        return float(sum(weight * loss(output, target) for loss, weight, output, target in parts))

    def _diverged(self, what: str) -> NonFiniteError:
        rate = self.learning_rate
        self._release()
        return NonFiniteError(
            f"{what} in {self._where or f'step {self.step + 1}'}; the parameters are as they were before this step. "
            f"Try a learning rate below {rate:g}, and look for inputs that are not finite or not scaled"
        )

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
