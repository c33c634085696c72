"""The `Trainer`: steps, batch after batch and epoch after epoch, and what comes of them."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Any

from cnnrs import _arguments
from cnnrs import metrics as metric_functions
from cnnrs import optimizers as optimizer_rules
from cnnrs.callbacks import Callback, Chain
from cnnrs.errors import ArgumentError, ShapeError
from cnnrs.model import Model
from cnnrs.trainer.checkpoint.checkpoints import Checkpoints
from cnnrs.trainer.loop.feed import Feed
from cnnrs.trainer.loop.history import History
from cnnrs.trainer.checkpoint.identity import identity
from cnnrs.trainer.leak_guard import LeakGuard, check_leak_option
from cnnrs.trainer.loop.position import Position
from cnnrs.trainer.loop.progress import Progress
from cnnrs.trainer.checkpoint.saving import Saving
from cnnrs.trainer.loop.step import Losses, Steps
from cnnrs.trainer.loop.sums import Sums

__all__ = ["Trainer"]

Metric = str | Callable[[Any, Any], float] | metric_functions.WholeSet
_log = logging.getLogger("cnnrs")


class Trainer(Steps):
    """Trains a model.

    A training step has four parts, `forward`, `loss`, `backward` and `update`; `train_step` is all
    of them, `fit` is steps and epochs. The same seed gives the same weights, bit for bit, with any
    number of threads.

    Parameters
    ----------
    model : Model
        One that ends in softmax is trained on what stands in front of it, with a loss that takes
        logits.
    loss : str or Loss, or a sequence of them
        One for each output of the model.
    optimizer : str or Optimizer, optional
        By default ``SGD(0.01, momentum=0.9)``.
    metrics : sequence of str or callable
        Beside the loss: ``"accuracy"``, ``"top_5_accuracy"``, ``"f1"``, ``"auc"`` (see
        `cnnrs.metrics.get` for all), or functions of target and output that are means over samples.
        They judge the first output.
    seed : int
        Of the order of the samples and of dropout.
    loss_weights : sequence of float, optional
        For several outputs, the weight of each loss in the sum.
    accumulate : int
        Batches whose gradients make one update, as one large batch would, in little memory: each
        counts by its samples. Batches left over at the end of an epoch count for the first update
        of the next.
    average : EMA or SWA, optional
        Average the weights during training, and judge the averages in validation and `evaluate`;
        see `averaged_weights`.

    Attributes
    ----------
    epoch, step : int
        Epochs and batches done.
    updater : Updater
        What is remembered for the updates; ``updater.updates`` counts them.
    history : History
        Of all calls of `fit`.
    stop : bool
        Callbacks set this to end the training after the epoch.
    guard : LeakGuard
        Knows the images that were trained on.

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
        accumulate: int = 1,
        average: optimizer_rules.Average | None = None,
    ) -> None:
        super().__init__(model, loss, optimizer, seed, loss_weights, accumulate, average)
        if isinstance(metrics, str):
            metrics = [metrics]
        self.metrics = dict(metric_functions.get(metric) for metric in metrics)
        self.epoch = 0
        self.stop = False
        self.history = History()
        self.guard = LeakGuard()
        self._unfinished: list[int] | None = (
            None  # where a call of `fit` began that was interrupted and can be resumed
        )

    def sums(self) -> Sums:
        """Empty sums of loss and metrics; what the loss ignores is not judged."""
        return Sums(self.metrics, getattr(self.losses[0], "ignore_index", None))

    # --- epochs -----------------------------------------------------------------------------------
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
        checkpoint_dir: str | os.PathLike[str] | None = None,
        checkpoint_every: int | None = None,
        keep_checkpoints: int = 2,
        resume: str | os.PathLike[str] = "auto",
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
        checkpoint_dir : path, optional
            A folder of this training alone, for checkpoints: all that is needed to go on, bit for
            bit, after a crash or a kill at any moment, in another process and with any number of
            threads.
        checkpoint_every : int, optional
            Batches between two checkpoints; by default one after every epoch. There is always one
            at the end.
        keep_checkpoints : int
            How many of them to keep, the newest; at least 1, better 2, for the case that a disk
            damages a file.
        resume : "auto", "never" or path
            Whether to go on from the newest whole checkpoint in `checkpoint_dir` if there is one,
            to start anew (checkpoints of an earlier training then make place for those of this
            one), or the checkpoint to go on from.

        Returns
        -------
        History

        Raises
        ------
        NonFiniteError
            As soon as the loss or a gradient is infinite or not a number, naming epoch and step.
        KeyboardInterrupt
            At Ctrl-C; the model is then whole.
        ArgumentError
            If the checkpoint is of another training: another model, loss, optimizer, data set size,
            batch size, ...; the message says what differs, and nothing is changed. `epochs`,
            callbacks and `checkpoint_every` may differ.
        FormatError
            If all checkpoints are damaged, or the one that `resume` names is. A damaged one is
            named in a `CheckpointWarning`, and the one before it is used.
        OSError
            At the end, if the last checkpoint could not be written. A full disk costs nothing that
            was saved: it gives a `CheckpointWarning`, the training goes on, and later checkpoints
            are tried.
        """
        epochs = _arguments.integer("epochs", epochs, 0)
        every = (
            None
            if checkpoint_every is None
            else _arguments.integer("checkpoint_every", checkpoint_every, 1)
        )
        feed = Feed(data, batch_size, shuffle=shuffle, seed=self.seed)
        if feed.once and epochs > 1:
            raise ArgumentError(
                "data: an iterator can be read only once; pass something that can be read every "
                "epoch, or epochs=1"
            )
        judge = (
            None
            if validation is None
            else Feed(validation, batch_size, shuffle=False, seed=self.seed)
        )
        checkpoints = (
            None if checkpoint_dir is None else Checkpoints(checkpoint_dir, keep_checkpoints)
        )
        position = Position(self.sums(), self._unfinished or [self.epoch, self.step])
        known = identity(self, feed.settings, None if judge is None else judge.settings)
        saving = Saving(self, position, callbacks, known, checkpoints, every)
        chain = Chain(callbacks)
        self.stop = False
        self._schedule_epochs = max(epochs, 1)
        self._unfinished = position.start if checkpoints is not None else None
        try:
            chain.on_fit_start(self)
            saving.resume(resume)
            while position.epochs < epochs and not self.stop:
                if position.batches == 0:
                    chain.on_epoch_start(self)
                with Progress(
                    f"epoch {position.epochs + 1}/{epochs}",
                    feed.samples,
                    progress,
                    position.sums.count,
                ) as bar:
                    with closing(self._steps(feed, position, bar)) as losses:
                        for loss in losses:
                            chain.on_step_end(self, loss)
                            saving.after_step()
                    numbers = self._end_epoch(position, judge)
                    bar.show(numbers)
                chain.on_epoch_end(self, numbers)
                saving.after_epoch()
            saving.at_end()
        finally:
            self._where = ""
            chain.on_fit_end(self)
        self._unfinished = None
        saving.close()
        return self.history

    def _steps(self, feed: Feed, position: Position, bar: Progress) -> Generator[float]:
        """Train on what is left of an epoch; gives the loss of each batch."""
        before, started = position.seconds, time.perf_counter()
        watch = self.guard.remember if position.epochs == 0 else None
        with closing(feed.epoch(self.epoch, position.batches, watch)) as batches:
            for x, y in batches:
                self._where = f"epoch {self.epoch + 1}, step {position.batches + 1}"
                self._schedule_epoch = position.epochs + (
                    position.batches / feed.batches if feed.batches else 0.0
                )
                position.rate = self.learning_rate
                with self._step():
                    self._forward(x)
                    value = self.loss(y)
                    count = len(self._outputs[0])
                    position.sums.add(count, value, self._targets[0], self._outputs[0])
                    self.backward()
                    self.update()
                position.batches += 1
                position.seconds = before + time.perf_counter() - started
                bar.advance(count, position.sums.running())
                yield value
        if not position.sums.count:
            raise ShapeError("data: there are no samples to train on")

    def _end_epoch(self, position: Position, judge: Feed | None) -> dict[str, float]:
        """Judge the model, and take down the numbers of the epoch."""
        sums, seconds = position.sums, position.seconds
        numbers, samples = sums.means(), {}
        self.epoch += 1
        self._schedule_epoch = position.epochs + 1.0
        if judge is not None:
            judged, found = self._judge(judge, look=position.epochs == 0)
            numbers |= {f"val_{name}": mean for name, mean in judged.means().items()}
            if found:
                _log.warning("validation: %s", self.guard.sentence(found, judged.count))
            if "accuracy" in self.metrics and self._judges_whole_samples and judged.judged:
                samples["val_accuracy"] = judged.judged
        numbers |= {
            "learning_rate": position.rate,
            "seconds": seconds,
            "images_per_second": sums.count / max(seconds, 1e-9),
        }
        self.history.add(numbers, samples)
        self.updater.observe(numbers)
        verdict = self.history.over_fitting()
        if verdict and not position.warned:
            position.warned = True
            _log.warning("epoch %d: %s", self.epoch, verdict)
        position.next_epoch()
        return numbers

    @contextmanager
    def _step(self) -> Iterator[None]:
        try:
            yield
        finally:
            self._release()

    # --- judging ----------------------------------------------------------------------------------
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
            ``loss``, each metric, ``n`` (the number of samples) and, with accuracy,
            ``accuracy_interval``, within which the accuracy on images of this kind lies with 95 %
            confidence.

        Raises
        ------
        ArgumentError
            With ``leak="refuse"``, if images were trained on.
        """
        check_leak_option(leak)
        sums, found = self._judge(
            Feed(data, batch_size, shuffle=False, seed=self.seed), look=leak != "ignore"
        )
        LeakGuard.report(found, sums.count, leak)
        result: dict[str, Any] = {**sums.means(), "n": sums.count}
        if "accuracy" in self.metrics and self._judges_whole_samples and sums.judged:
            right = round(result["accuracy"] * sums.judged)
            result["accuracy_interval"] = metric_functions.wilson_interval(right, sums.judged)
        return result

    @property
    def _judges_whole_samples(self) -> bool:
        """Whether an accuracy is a share of samples, and not of pixels, which are not independent
        of one another.
        """
        return len(self.network.outputs[0].shape) == 1

    def _judge(self, feed: Feed, *, look: bool = False) -> tuple[Sums, int]:
        """Sums over all batches, and how many images were trained on."""
        with self.averaged_weights():
            return self._judge_current(feed, look=look)

    def averaged_weights(self) -> AbstractContextManager[None]:
        """The model has its averaged weights inside a ``with`` block, for example to save them;
        nothing changes without `average`.
        """
        return self.updater.averaged_weights()

    def _judge_current(self, feed: Feed, *, look: bool) -> tuple[Sums, int]:
        sums = self.sums()
        watched: list[int] = []
        watch = (lambda images: watched.append(self.guard.count(images))) if look else None
        for x, y in feed.epoch(0, watch=watch):
            outputs = self.network(x)
            listed = outputs if isinstance(outputs, list) else [outputs]
            targets = self._as_targets(y)
            sums.add(len(listed[0]), self._weighted_loss(listed, targets), targets[0], listed[0])
        if not sums.count:
            raise ShapeError("data: there are no samples to judge the model by")
        return sums, sum(watched)

    def predict(self, x: Any, *, names: bool = False, batch_size: int = 64) -> Any:
        """The most probable class of each sample; see `Model.predict`."""
        return self.model.predict(x, names=names, batch_size=batch_size)
