"""Training steps: forward pass, loss, backward pass and update of one batch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cnnrs import _arguments
from cnnrs import losses as loss_functions
from cnnrs import optimizers as optimizer_rules
from cnnrs.errors import ArgumentError, DTypeError, NonFiniteError, ShapeError
from cnnrs.layers import Sigmoid
from cnnrs.model import Model
from cnnrs.model.model import without_softmax
from cnnrs.model.run.batch import as_batch
from cnnrs.trainer.leak_guard import LeakGuard
from cnnrs.trainer.update.gradients import gradient_norms, non_finite_place
from cnnrs.trainer.update.interrupts import uninterrupted
from cnnrs.trainer.update.updater import Updater

__all__ = ["Losses", "Runtime", "Steps"]

Losses = str | loss_functions.Loss | Sequence[str | loss_functions.Loss]


@dataclass(frozen=True)
class Runtime:
    """Parts that a trainer works with, for tools that extend it: ``trainer.runtime``.

    Parameters
    ----------
    network : Model
        The model whose outputs the losses take: without its final softmax if they take logits. It
        shares all parameters with ``trainer.model``.
    updater : Updater
        Applies the optimizer, and holds its state: ``updates``, ``slots``, ``averages``.
    leak_guard : LeakGuard or None
        Recognises images that were trained on; None with ``leak_guard=False``.
    """

    network: Model
    updater: Updater
    leak_guard: LeakGuard | None


class Steps:
    """Trains one batch at a time; base class of `Trainer`, without epochs."""

    def __init__(
        self,
        model: Model,
        loss: Losses,
        optimizer: str | optimizer_rules.Optimizer | None,
        seed: int,
        loss_weights: Sequence[float] | None,
        accumulate: int,
        average: optimizer_rules.Average | None,
        leak_guard: bool,
    ) -> None:
        if not isinstance(model, Model):
            raise DTypeError(f"model: expected a cnnrs.Model, got {type(model).__name__}")
        self.model = model
        self.losses = _losses_of(model, loss)
        self.loss_weights = _loss_weights_of(loss_weights, len(self.losses))
        network = (
            without_softmax(model) if all(item.takes_logits for item in self.losses) else model
        )
        self.optimizer = (
            optimizer_rules.SGD(0.01, 0.9) if optimizer is None else optimizer_rules.get(optimizer)
        )
        self.seed = _arguments.counter("seed", seed, 64)
        self.step = 0
        self.runtime = Runtime(
            network,
            Updater(network, self.optimizer, accumulate, average),
            LeakGuard() if _arguments.flag("leak_guard", leak_guard) else None,
        )
        self._schedule_epoch = 0.0
        self._schedule_epochs = 1
        self._where = ""  # epoch and step, for messages
        self._block: Any = None
        self._run: Any = None
        self._inputs: list[Any] = []
        self._outputs: list[Any] = []
        self._targets: list[Any] = []
        self._ready = ""  # the part of a step that comes next

    # --- the four parts of a step -----------------------------------------------------------------
    def forward(self, x: Any) -> Any:
        """Return the outputs of the model in training mode; the first part of a step.

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
        network = self.runtime.network
        arrays, count = as_batch(network.graph, x)
        if count == 0:
            raise ShapeError("x: expected at least one sample for a training step, got none")
        self._block, self._run = network.runtime.acquire(
            network.runtime.plan_for(training=True), count
        )
        self._inputs = list(arrays)
        self._outputs = self._run.forward(arrays, seed=self.seed, step=self.step)
        self._ready = "compute_loss"

    def compute_loss(self, y: Any) -> float:
        """Return the loss of the outputs; the second part of a step.

        Parameters
        ----------
        y : array-like
            Class numbers of shape (n,), or other targets of the loss; for several outputs a list.

        Returns
        -------
        float

        Raises
        ------
        NonFiniteError
            If the loss is infinite or not a number.

        Examples
        --------
        The four parts of a step:

        >>> import numpy as np
        >>> import cnnrs
        >>> from cnnrs.layers import Dense
        >>> x, y = np.eye(4), np.arange(4)
        >>> trainer = cnnrs.Trainer(cnnrs.Sequential((4,), [Dense(4)]))
        >>> outputs = trainer.forward(x)
        >>> loss = trainer.compute_loss(y)
        >>> trainer.backward()
        >>> trainer.update()
        >>> outputs.shape, trainer.step
        ((4, 4), 1)
        """
        self._expect("compute_loss", "forward")
        self._targets = self._as_targets(y)
        value = self._weighted_loss(self._outputs, self._targets)
        if not math.isfinite(value):
            raise self._diverged(f"the loss is {value}")
        self._ready = "backward"
        return value

    def backward(self) -> None:
        """Compute the gradients of all parameters; the third part of a step.

        `Model.gradients` returns them.
        """
        self._expect("backward", "compute_loss")
        parts = zip(
            self.losses,
            self.loss_weights,
            self._outputs,
            self._targets,
            self._run.output_gradients(),
            strict=True,
        )
        for loss, weight, output, target, (buffer, starts) in parts:
            result = (
                loss.gradient(output, target, buffer)
                if starts and weight == 1
                else weight * loss.gradient(output, target)
            )
            if result is not buffer:
                if starts:
                    buffer[...] = result
                else:
                    buffer += result
        self._run.backward()
        self._ready = "update"

    def update(self) -> None:
        """Change the parameters; the last part of a step.

        With ``accumulate=k``, only every k-th call changes them, with the mean gradient over the
        samples of k batches. Ctrl-C takes effect after the update.

        Raises
        ------
        NonFiniteError
            If a gradient is infinite or not a number. The parameters are unchanged then.
        """
        self._expect("update", "backward")
        with uninterrupted():
            finite = self.runtime.updater.update(self.learning_rate, self._run.count)
            self.step += finite
        if not finite:
            raise self._diverged("a gradient is infinite or not a number")
        self._release()

    def train_step(self, x: Any, y: Any) -> float:
        """Train on one batch: forward pass, loss, backward pass and update.

        Parameters
        ----------
        x : array-like of shape (n, *input_shape)
        y : array-like
            See `compute_loss`.

        Returns
        -------
        float
            The loss before the update.

        Raises
        ------
        NonFiniteError
            If the loss or a gradient is infinite or not a number. The parameters are unchanged
            then.

        Examples
        --------
        >>> import numpy as np
        >>> import cnnrs
        >>> from cnnrs.layers import Dense
        >>> x, y = np.eye(4), np.arange(4)
        >>> trainer = cnnrs.Trainer(cnnrs.Sequential((4,), [Dense(4)]))
        >>> first = trainer.train_step(x, y)
        >>> trainer.train_step(x, y) < first
        True
        """
        try:
            self._forward(x)
            value = self.compute_loss(y)
            self.backward()
            self.update()
        finally:
            self._release()
        return value

    def gradient_norms(self) -> dict[str, float]:
        """Return the Euclidean norm of the gradient of each layer, by name, after `backward`.

        Returns
        -------
        dict of str to float
            In the order of the layers, from the input on. Frozen layers and layers without
            parameters are left out.
        """
        return gradient_norms(self.runtime.network)

    @property
    def learning_rate(self) -> float:
        """Learning rate of the next update."""
        return self.runtime.updater.rate(self._schedule_epoch, self._schedule_epochs)

    def _expect(self, part: str, before: str) -> None:
        if self._ready != part:
            raise ArgumentError(
                f"{part}: call {before} first; a step is forward, compute_loss, backward, update"
            )

    def _release(self) -> None:
        if self._block is not None:
            self.runtime.network.runtime.release(self._block)
        self._block = self._run = None
        self._inputs, self._outputs, self._targets, self._ready = [], [], [], ""

    def _as_targets(self, y: Any) -> list[Any]:
        if len(self.losses) == 1:
            return [y]
        if not isinstance(y, (list, tuple)) or len(y) != len(self.losses):
            raise ShapeError(
                f"y: expected a list of {len(self.losses)} targets, one for each output of the "
                f"model, got {type(y).__name__}"
            )
        return list(y)

    def _weighted_loss(self, outputs: Sequence[Any], targets: Sequence[Any]) -> float:
        parts = zip(self.losses, self.loss_weights, outputs, targets, strict=True)
        return float(sum(weight * loss(output, target) for loss, weight, output, target in parts))

    def _diverged(self, what: str) -> NonFiniteError:
        rate = self.learning_rate
        place = non_finite_place(
            self.runtime.network, self._inputs, gradients=self._ready == "update"
        )
        self._release()
        return NonFiniteError(
            f"{what} in {self._where or f'step {self.step + 1}'}{f' ({place})' if place else ''}; "
            "the parameters are as they were before this step. "
            f"Try a learning rate below {rate:g}, and look for inputs that are not finite or not "
            "scaled"
        )


def _losses_of(model: Model, loss: Losses) -> list[loss_functions.Loss]:
    """Return one loss for each output of a model."""
    listed: Sequence[Any] = loss if isinstance(loss, (list, tuple)) else [loss]
    losses = [loss_functions.get(item) for item in listed]
    if len(losses) != len(model.outputs):
        raise ArgumentError(
            f"loss: expected one for each of the {len(model.outputs)} outputs of the model, got "
            f"{len(losses)}"
        )
    for item, output in zip(losses, model.outputs, strict=True):
        if item.takes_logits and isinstance(output.layer, Sigmoid):
            raise ArgumentError(
                f"loss: {item!r} applies its own softmax or sigmoid; remove the Sigmoid from the "
                "end of the model"
            )
    return losses


def _loss_weights_of(weights: Sequence[float] | None, count: int) -> list[float]:
    """Return one weight for each of `count` losses."""
    if weights is None:
        return [1.0] * count
    if not _arguments.is_sequence(weights):
        raise DTypeError(f"loss_weights: expected a sequence of numbers, got {weights!r}")
    numbers = [_arguments.number("loss_weights", item, 0) for item in weights]
    if len(numbers) != count:
        raise ArgumentError(
            f"loss_weights: expected one for each of the {count} outputs of the model, got "
            f"{len(numbers)}"
        )
    return numbers
