"""Report of the plans of a model: steps, kernels, fusions and bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cnnrs.layers.node import shape_text
from cnnrs.model.network import Network
from cnnrs.model.parameters.memory import megabytes
from cnnrs.model.plan.plan import Plan
from cnnrs.model.plan.step import Step
from cnnrs.model.reports.footprint import footprint, kernels_run, output_bytes, work_of
from cnnrs.model.reports.table import table

__all__ = ["PlanReport", "StepReport"]


@dataclass(frozen=True, slots=True)
class StepReport:
    """One step of a plan.

    Attributes
    ----------
    name : str
        The layers that run in it: ``conv2d_1 + relu_1``.
    output_shape : str
    algorithm : str
        The kernels of the convolutions in the forward pass, as named by
        `cnnrs.ops.conv2d_algorithm` and joined by ``" + "``; empty for other layers.
    backward_algorithms : dict of str to str
        The same for the backward passes that are run: ``backward_weight``, ``backward_input``.
    nbytes : int
        Bytes that it writes in the forward pass for a batch: its output, and the arrays that it
        keeps for the backward pass.
    in_place : bool
        Whether the output is written over an input.
    """

    name: str
    output_shape: str
    algorithm: str
    backward_algorithms: dict[str, str]
    nbytes: int
    in_place: bool


class PlanReport:
    """The plans of a model for a batch size.

    Printed, it lists the steps, the layers that were fused or left out, and the bytes.

    Attributes
    ----------
    steps, training_steps : list of StepReport
        Of prediction and of training.
    fused, dropped, training_fused, training_dropped : list of str
        Of prediction and of training.
    prediction_bytes, training_bytes : int
        Workspace for a batch, with memory shared where lifetimes allow.
    held_bytes : int
        Bytes that the model holds at present in workspaces and prepared weights.

    Examples
    --------
    >>> import cnnrs
    >>> from cnnrs.layers import Conv2D, ReLU
    >>> cnnrs.Sequential((8, 8, 1), [Conv2D(2, 3), ReLU()]).plan().fused
    ['conv2d_1 + relu_1']
    """

    def __init__(self, network: Network, batch_size: int) -> None:
        prediction, training = (
            network.runtime.plan_for(training=False),
            network.runtime.plan_for(training=True),
        )
        self.batch_size = batch_size
        self.steps = [_step(prediction, step, batch_size) for step in prediction.steps]
        self.training_steps = [_step(training, step, batch_size) for step in training.steps]
        self.fused, self.dropped = list(prediction.fused), list(prediction.dropped)
        self.training_fused, self.training_dropped = list(training.fused), list(training.dropped)
        self.prediction_bytes = prediction.bytes_per_sample * batch_size
        self.training_bytes = training.bytes_per_sample * batch_size
        self.held_bytes = network.runtime.held_bytes
        self._scratch = {
            kind: footprint(network, batch_size, training=kind).scratch for kind in (False, True)
        }

    def __str__(self) -> str:
        lines = [f"Prediction, in batches of {self.batch_size}"]
        lines += self._section(
            self.steps, ("step", "output", "kernel", "writes"), self.fused, self.dropped
        )
        lines += self._total(self.prediction_bytes, self._scratch[False])
        lines += ["", f"Training, in batches of {self.batch_size}"]
        header = ("step", "output", "kernel forward", "for the weights", "for the input", "writes")
        lines += self._section(
            self.training_steps, header, self.training_fused, self.training_dropped
        )
        lines += self._total(self.training_bytes, self._scratch[True])
        lines += ["", f"held by the model now: {megabytes(self.held_bytes)}"]
        return "\n".join(lines)

    __repr__ = __str__

    def _section(
        self,
        steps: Sequence[StepReport],
        header: tuple[str, ...],
        fused: list[str],
        dropped: list[str],
    ) -> list[str]:
        rows = []
        for step in steps:
            kernels = [step.algorithm]
            if len(header) > 4:
                kernels += [
                    step.backward_algorithms.get("backward_weight", ""),
                    step.backward_algorithms.get("backward_input", ""),
                ]
            written = megabytes(step.nbytes) + (" in place" if step.in_place else "")
            rows.append((step.name, step.output_shape, *kernels, written))
        lines = ["", *table(header, rows), ""]
        lines += [f"in one step  {item}" for item in fused]
        return lines + [f"left out     {item}" for item in dropped]

    @staticmethod
    def _total(workspace: int, scratch: int) -> list[str]:
        text = (
            f"{megabytes(workspace)} for all arrays, which share memory where their lifetimes do "
            "not overlap"
        )
        return [f"bytes        {text}; {megabytes(scratch)} within kernels"]


def _step(plan: Plan, step: Step, batch_size: int) -> StepReport:
    algorithms = {
        name: " + ".join(kernel.algorithm(training=plan.training) for kernel in kernels)
        for name, kernels in kernels_run(plan, step, work_of(plan, step)).items()
        if kernels
    }
    own = plan.values[plan.root[step.output]]
    return StepReport(
        name=step.name,
        output_shape=shape_text(plan.shapes[step.output]),
        algorithm=algorithms.pop("forward", ""),
        backward_algorithms=algorithms,
        nbytes=output_bytes(plan, step, batch_size),
        in_place=any(plan.values[plan.root[source]] is own for source in step.inputs),
    )
