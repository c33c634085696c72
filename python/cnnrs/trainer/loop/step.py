"""The steps of a training run: forward pass, loss, backward pass and update of one batch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from cnnrs import _arguments
from cnnrs import losses as loss_functions
from cnnrs import optimizers as optimizer_rules
from cnnrs.errors import ArgumentError, DTypeError, NonFiniteError, ShapeError
from cnnrs.layers import Sigmoid
from cnnrs.model import Model
from cnnrs.model.batch import as_batch
from cnnrs.trainer.update.gradients import gradient_norms, non_finite_place
from cnnrs.trainer.update.interrupts import uninterrupted
from cnnrs.trainer.update.updater import Updater

__all__ = ["Losses", "Steps"]

Losses = str | loss_functions.Loss | Sequence[str | loss_functions.Loss]


class Steps:
    """The part of a `Trainer` that knows nothing of epochs."""

    def __init__(
        self,
        model: Model,
        loss: Losses,
        optimizer: str | optimizer_rules.Optimizer | None,
        seed: int,
        loss_weights: Sequence[float] | None,
        accumulate: int = 1,
        average: optimizer_rules.Average | None = None,
    ) -> None:
        if not isinstance(model, Model):
            raise DTypeError(f"model: expected a cnnrs.Model, got {type(model).__name__}")
        self.model = model
        listed: Sequence[str | loss_functions.Loss] = (
            [loss] if isinstance(loss, (str, loss_functions.Loss)) else loss
        )
        self.losses = [loss_functions.get(item) for item in listed]
        count = len(model.outputs)
        if len(self.losses) != count:
            raise ArgumentError(
                f"loss: the model has {count} outputs, got {len(self.losses)} losses"
            )
        self.loss_weights = (
            [1.0] * count
            if loss_weights is None
            else [_arguments.number("loss_weights", item, 0) for item in loss_weights]
        )
        if len(self.loss_weights) != count:
            raise ArgumentError(
                f"loss_weights: the model has {count} outputs, got {len(self.loss_weights)} weights"
            )
        for item, output in zip(self.losses, model.outputs, strict=True):
            if item.takes_logits and isinstance(output.layer, Sigmoid):
                raise ArgumentError(
                    f"loss: {item!r} applies its own softmax or sigmoid; take the Sigmoid at the "
                    "end of the model away"
                )
        self.network = (
            model.without_softmax() if all(item.takes_logits for item in self.losses) else model
        )
        self.optimizer = (
            optimizer_rules.SGD(0.01, 0.9) if optimizer is None else optimizer_rules.get(optimizer)
        )
        self.seed = _arguments.counter("seed", seed, 64)
        self.step = 0
        self.updater = Updater(self.network, self.optimizer, accumulate, average)
        self._schedule_epoch = 0.0
        self._schedule_epochs = 1
        self._where = ""  # epoch and step, for messages
        self._block: Any = None
        self._run: Any = None
        self._inputs: list[Any] = []
        self._outputs: list[Any] = []
        self._targets: list[Any] = []
        self._ready = ""  # which part of a step comes next

    # --- the four parts of a step -----------------------------------------------------------------
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
        self._inputs = list(arrays)
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
        """Change the parameters; the last part of a step. With ``accumulate=k``, every k-th call
        does, with the mean over all samples.

        Nothing interrupts it: Ctrl-C takes effect afterwards.

        Raises
        ------
        NonFiniteError
            If a gradient is infinite or not a number; the parameters are then as they were.
        """
        self._expect("update", "backward")
        with uninterrupted():
            finite = self.updater.update(self.learning_rate, self._run.count)
            self.step += finite
        if not finite:
            raise self._diverged("a gradient is infinite or not a number")
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
            If the loss or a gradient is infinite or not a number; the parameters are then as they
            were.
        """
        try:
            self._forward(x)
            value = self.loss(y)
            self.backward()
            self.update()
        finally:
            self._release()
        return value

    def gradient_norms(self) -> dict[str, float]:
        """The Euclidean norm of the gradient of each layer, by its name, from the input on; after
        `backward`, until the next.

        Frozen layers and those without parameters are left out.
        """
        return gradient_norms(self.network)

    @property
    def learning_rate(self) -> float:
        """The rate of the next update."""
        return self.updater.rate(self._schedule_epoch, self._schedule_epochs)

    def _expect(self, part: str, before: str) -> None:
        if self._ready != part:
            raise ArgumentError(
                f"{part}: call {before} first; a step is forward, loss, backward, update"
            )

    def _release(self) -> None:
        if self._block is not None:
            self.network.release(self._block)
        self._block = self._run = None
        self._inputs, self._outputs, self._targets, self._ready = [], [], [], ""

    def _as_targets(self, y: Any) -> list[Any]:
        if len(self.losses) == 1:
            return [y]
        if not isinstance(y, (list, tuple)) or len(y) != len(self.losses):
            raise ShapeError(
                f"y: the model has {len(self.losses)} outputs; expected a list of "
                f"{len(self.losses)} targets"
            )
        return list(y)

    def _weighted_loss(self, outputs: Sequence[Any], targets: Sequence[Any]) -> float:
        parts = zip(self.losses, self.loss_weights, outputs, targets, strict=True)
        return float(sum(weight * loss(output, target) for loss, weight, output, target in parts))

    def _diverged(self, what: str) -> NonFiniteError:
        rate = self.learning_rate
        place = non_finite_place(self.network, self._inputs, gradients=self._ready == "update")
        self._release()
        return NonFiniteError(
            f"{what} in {self._where or f'step {self.step + 1}'}{f' ({place})' if place else ''}; "
            "the parameters are as they were before this step. "
            f"Try a learning rate below {rate:g}, and look for inputs that are not finite or not "
            "scaled"
        )
