"""The `Trainer`: trains a model for epochs, with validation, callbacks and checkpoints."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn, SupportsIndex

from cnnrs import _arguments, _renamed
from cnnrs import metrics as metric_functions
from cnnrs import optimizers as optimizer_rules
from cnnrs.callbacks import Callback, Chain
from cnnrs.errors import ArgumentError, DTypeError
from cnnrs.model import Model
from cnnrs.trainer.checkpoint.checkpoints import Checkpoints
from cnnrs.trainer.checkpoint.identity import identity
from cnnrs.trainer.checkpoint.saving import Saving
from cnnrs.trainer.leak_guard import check_leak_option, report_leak
from cnnrs.trainer.loop import spellings
from cnnrs.trainer.loop.epochs import Epochs, Metric
from cnnrs.trainer.loop.evaluation import Evaluation
from cnnrs.trainer.loop.feed import as_pair
from cnnrs.trainer.loop.history import History
from cnnrs.trainer.loop.position import Position
from cnnrs.trainer.loop.progress import Progress
from cnnrs.trainer.loop.step import Losses

__all__ = ["Trainer"]


class Trainer(Epochs):
    """Trains and evaluates a model.

    `fit` trains for epochs, `train_step` on one batch. A step has four parts, which can also be
    called one by one: `forward`, `compute_loss`, `backward` and `update`. The same seed gives the
    same weights, bit for bit, with any number of threads.

    Parameters
    ----------
    model : Model
        If it ends in `Softmax` and the losses take logits, the logits are used.
    loss : str or Loss, or a sequence of them
        One for each output of the model.
    optimizer : str or Optimizer, optional
        By default ``SGD(0.01, momentum=0.9)``.
    metrics : sequence of str or callable
        Measured in addition to the loss, on the first output: ``"accuracy"``, ``"top_5_accuracy"``,
        ``"f1"`` (see `cnnrs.metrics.get` for all), or functions of target and output that are
        means over samples.
    seed : int
        Determines the order of the samples and dropout.
    loss_weights : sequence of float, optional
        For several outputs, the weight of each loss in the sum.
    accumulate : int
        Number of batches whose gradients are combined into one update, as of one large batch, with
        the memory of a small one. Each batch counts by its samples. Batches left over at the end of
        an epoch count for the first update of the next epoch.
    average : EMA or SWA, optional
        Average the weights during training, and use the averages in validation and `evaluate`; see
        `averaged_weights`.
    leak_guard : bool
        Whether to remember the training images, 8 bytes for each, so that `evaluate` can warn
        about training images among test images.

    Attributes
    ----------
    model : Model
    losses : list of Loss
    optimizer : Optimizer
    metrics : dict
        Functions by name.
    epoch, step : int
        Epochs and batches done.
    learning_rate : float
        Learning rate of the next update.
    history : History
        Numbers of every epoch, over all calls of `fit`.
    stop : bool
        Callbacks set this to end the training after the current epoch.
    runtime : Runtime
        Parts for tools that extend the trainer: ``network``, ``updater`` and ``leak_guard``.

    Notes
    -----
    A trainer can be neither copied nor pickled: checkpoints store its state (see `fit`).

    Examples
    --------
    >>> import numpy as np
    >>> import cnnrs
    >>> from cnnrs.layers import Dense
    >>> x, y = np.eye(4).repeat(8, axis=0), np.arange(4).repeat(8)
    >>> trainer = Trainer(cnnrs.Sequential((4,), [Dense(4)]), optimizer=cnnrs.optimizers.SGD(1.0))
    >>> history = trainer.fit(x, y, epochs=20, batch_size=8)
    >>> trainer.evaluate(x, y, leak="ignore").accuracy
    1.0
    """

    @_renamed.keywords(spellings.TRAINER)
    def __init__(
        self,
        model: Model,
        loss: Losses = "cross_entropy",
        *,
        optimizer: str | optimizer_rules.Optimizer | None = None,
        metrics: str | Sequence[Metric] = ("accuracy",),
        seed: int = 0,
        loss_weights: Sequence[float] | None = None,
        accumulate: int = 1,
        average: optimizer_rules.Average | None = None,
        leak_guard: bool = True,
    ) -> None:
        super().__init__(
            model, loss, optimizer, metrics, seed, loss_weights, accumulate, average, leak_guard
        )
        # epoch and step at which an interrupted call of `fit` began that can be resumed
        self._unfinished: list[int] | None = None

    @_renamed.keywords(spellings.FIT)
    def fit(
        self,
        data: Any,
        y: Any = None,
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
        data : array x, pair (x, y), data set, `cnnrs.data.Loader`, or iterable of batches (x, y)
        y : array, optional
            Targets, if `data` is an array: ``fit(x, y)`` and ``fit((x, y))`` are the same.
        epochs : int
            How often every sample is used. A second call continues where the first ended.
        batch_size : int
            Samples per batch, for arrays and data sets. The last batch of an epoch may be shorter.
        validation : like data, optional
            Evaluated after every epoch, as ``val_loss``, ``val_accuracy``, ...
        shuffle : bool
            Whether every epoch has its own random order, determined by seed and epoch; for arrays
            and data sets.
        callbacks : sequence of Callback
        progress : bool, optional
            Whether to show a progress bar on stderr. By default on a terminal only.
        checkpoint_dir : path, optional
            Folder for the checkpoints of this training alone. A checkpoint is all that is needed to
            continue after a crash or a kill, in another process and with any number of threads, and
            to end with the same bits.
        checkpoint_every : int, optional
            Batches between two checkpoints. By default there is one after every epoch. There is
            always one at the end.
        keep_checkpoints : int
            How many checkpoints to keep, the newest; at least 1. With 2, a file that the disk
            damages can be spared.
        resume : "auto", "never" or path
            ``"auto"`` continues from the newest undamaged checkpoint in `checkpoint_dir`, if there
            is one. ``"never"`` starts anew, and replaces the checkpoints of an earlier training. A
            path continues from that checkpoint.

        Returns
        -------
        History

        Raises
        ------
        NonFiniteError
            As soon as the loss or a gradient is infinite or not a number, with epoch and step.
        KeyboardInterrupt
            At Ctrl-C. The model is never half updated.
        ArgumentError
            If an argument is out of its range, or the checkpoint belongs to another training:
            another model, loss, optimizer, data set size, batch size, ... The message says what
            differs, and nothing is changed. `epochs`, `callbacks` and `checkpoint_every` may
            differ.
        DTypeError
            If an argument is of a wrong type, or has a name that is not known.
        FormatError
            If all checkpoints are damaged, or the one that `resume` names is. Before that, a
            `CheckpointWarning` names each damaged checkpoint, and an older one is used.
        OSError
            At the end, if the last checkpoint could not be written. When the disk is full, there is
            a `CheckpointWarning`, earlier checkpoints are kept, the training continues, and later
            checkpoints are tried.

        Examples
        --------
        >>> import numpy as np
        >>> import cnnrs
        >>> from cnnrs.layers import Dense
        >>> x, y = np.eye(4), np.arange(4)
        >>> trainer = cnnrs.Trainer(cnnrs.Sequential((4,), [Dense(4)]))
        >>> history = trainer.fit(x, y, epochs=3, batch_size=2, validation=(x, y))
        >>> len(history["val_loss"]), trainer.step
        (3, 6)
        """
        epochs = _arguments.integer("epochs", epochs, 0)
        every = (
            None
            if checkpoint_every is None
            else _arguments.integer("checkpoint_every", checkpoint_every, 1)
        )
        shuffle = _arguments.flag("shuffle", shuffle)
        feed = self._feed(as_pair(data, y), batch_size, shuffle=shuffle)
        if feed.once and epochs > 1:
            raise ArgumentError(
                "data: expected something that can be read every epoch, got an iterator, which can "
                "be read only once; pass epochs=1, or an object with __iter__"
            )
        held_out = (
            None if validation is None else self._feed(validation, batch_size, name="validation")
        )
        chain = Chain(callbacks)
        if progress is not None:
            _arguments.flag("progress", progress)
        checkpoints = (
            None if checkpoint_dir is None else Checkpoints(checkpoint_dir, keep_checkpoints)
        )
        position = Position(self._new_sums(), self._unfinished or [self.epoch, self.step])
        known = identity(self, feed.settings, None if held_out is None else held_out.settings)
        saving = Saving(self, position, callbacks, known, checkpoints, every)
        self.stop = False
        self._schedule_epochs = max(epochs, 1)
        self._unfinished = position.start if checkpoints is not None else None
        try:
            chain.on_fit_start(self)
            saving.resume(resume)
            while position.epochs < epochs and not self.stop:
                title = f"epoch {position.epochs + 1}/{epochs}"
                bar = Progress(title, feed.samples, progress, position.sums.count)
                self._train_epoch(feed, held_out, position, chain, saving, bar)
                saving.after_epoch()
            saving.at_end()
        finally:
            self._where = ""
            chain.on_fit_end(self)
        self._unfinished = None
        saving.close()
        return self.history

    @_renamed.keywords(spellings.EVALUATE)
    def evaluate(
        self, data: Any, y: Any = None, *, batch_size: int = 64, leak: str = "warn"
    ) -> Evaluation:
        """Measure loss and metrics on some data, without training.

        Parameters
        ----------
        data, y : data as for `fit`
        batch_size : int
            Samples per batch. The result does not depend on it, up to rounding.
        leak : {"warn", "refuse", "ignore"}
            What to do if some of the images were trained on: issue a `LeakWarning`, raise an error,
            or nothing.

        Returns
        -------
        Evaluation
            With ``loss``, each metric, ``n`` (the number of samples) and, with accuracy,
            ``accuracy_interval``: the 95 % confidence interval of the accuracy on images of this
            kind.

        Raises
        ------
        ArgumentError
            With ``leak="refuse"``, if images were trained on.

        Examples
        --------
        >>> import numpy as np
        >>> import cnnrs
        >>> from cnnrs.layers import Dense
        >>> x, y = np.eye(4), np.arange(4)
        >>> trainer = cnnrs.Trainer(cnnrs.Sequential((4,), [Dense(4)]))
        >>> result = trainer.evaluate(x, y)
        >>> result.n, sorted(result)
        (4, ['accuracy', 'accuracy_interval', 'loss', 'n'])
        """
        guard = self.runtime.leak_guard
        check_leak_option(leak, guard)
        sums, found = self._evaluate(
            self._feed(as_pair(data, y), batch_size), look=leak != "ignore"
        )
        report_leak(found, sums.count, leak)
        means, interval = sums.means(), None
        if self._has_interval(sums):
            right = round(means["accuracy"] * sums.judged)
            interval = metric_functions.wilson_interval(right, sums.judged)
        return Evaluation(means, sums.count, interval)

    def __repr__(self) -> str:
        loss = self.losses[0] if len(self.losses) == 1 else self.losses
        return (
            f"<Trainer of a {type(self.model).__name__} with {self.model.num_parameters:,} "
            f"parameters: loss={loss!r}, optimizer={self.optimizer!r}, "
            f"metrics={list(self.metrics)}, seed={self.seed}, epoch={self.epoch}, step={self.step}>"
        )

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if not name.startswith("_")]

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise DTypeError(
            "Trainer: a trainer can be neither copied nor pickled. To continue a training later, "
            "pass checkpoint_dir= to fit, and call fit of a new Trainer with the same arguments; "
            "to keep the model, call trainer.model.save(path)"
        )

    if not TYPE_CHECKING:  # a type checker would accept any attribute

        def __getattr__(self, name: str) -> NoReturn:
            """Raise an error that says what to write in place of an unknown attribute."""
            hint = spellings.ATTRIBUTES.get(name)
            raise AttributeError(
                f"{type(self).__name__!r} object has no attribute {name!r}"
                + (f"; write {hint}" if hint else ""),
                name=name,
                obj=self,
            )
