"""What a plan does, for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cnnrs import ops
from cnnrs.layers import Conv2D
from cnnrs.layers.node import shape_text
from cnnrs.model.footprint import conv2d_geometry, directions, footprint, output_bytes
from cnnrs.model.memory import megabytes
from cnnrs.model.plan import Plan, Step
from cnnrs.model.prepared import sliding

if TYPE_CHECKING:
    from cnnrs.model.model import Model

__all__ = ["PlanReport", "StepReport", "table"]


@dataclass(frozen=True, slots=True)
class StepReport:
    """One step of a plan.

    Attributes
    ----------
    name : str
        The layers that run in it: ``conv2d_1 + relu_1``.
    output_shape : str
    algorithm : str
        Of the forward pass of a convolution, as `cnnrs.ops.conv2d_algorithm` names it; else empty.
    backward_algorithms : dict of str to str
        The same for the passes backward that it makes: ``backward_weight``, ``backward_input``.
    nbytes : int
        What it writes in the forward pass for a batch: its output, and what it keeps for the
        backward pass.
    in_place : bool
        Whether the output lies over an input.
    """

    name: str
    output_shape: str
    algorithm: str
    backward_algorithms: dict[str, str]
    nbytes: int
    in_place: bool


class PlanReport:
    """The plans of a model for a batch size; as text, the steps, what was fused or dropped, and the
    bytes.

    Attributes
    ----------
    steps, training_steps : list of StepReport
        Of prediction and of training.
    fused, dropped, training_fused, training_dropped : list of str
        Of prediction and of training.
    prediction_bytes, training_bytes : int
        Workspace for a batch, with memory shared where lifetimes allow.
    held_bytes : int
        What the model holds at present in workspaces and transformed weights.

    Examples
    --------
    >>> import cnnrs
    >>> from cnnrs.layers import Conv2D, ReLU
    >>> cnnrs.Sequential((8, 8, 1), [Conv2D(2, 3), ReLU()]).plan().fused
    ['conv2d_1 + relu_1']
    """

    def __init__(self, model: Model, batch_size: int) -> None:
        prediction, training = model.plan_for(training=False), model.plan_for(training=True)
        self.batch_size = batch_size
        self.steps = [_step(prediction, step, batch_size) for step in prediction.steps]
        self.training_steps = [_step(training, step, batch_size) for step in training.steps]
        self.fused, self.dropped = list(prediction.fused), list(prediction.dropped)
        self.training_fused, self.training_dropped = list(training.fused), list(training.dropped)
        self.prediction_bytes = prediction.bytes_per_sample * batch_size
        self.training_bytes = training.bytes_per_sample * batch_size
        self.held_bytes = model.held_bytes
        self._scratch = {
            kind: footprint(model, batch_size, training=kind).scratch for kind in (False, True)
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
            f"{megabytes(workspace)} for all arrays, which share memory where one is done before "
            "the next begins"
        )
        return [f"bytes        {text}; {megabytes(scratch)} within kernels"]


def _step(plan: Plan, step: Step, batch_size: int) -> StepReport:
    graph = plan.graph
    algorithms = {}
    if isinstance(step.layer, Conv2D):
        shapes = conv2d_geometry(plan, step, batch_size)
        algorithms = {
            direction: ops.conv2d_algorithm(
                *shapes,
                **sliding(step.layer),
                direction=direction if plan.training else "prediction",
            )
            for direction in directions(plan, step)
        }
    own = plan.values[plan.root[step.output]]
    return StepReport(
        name=plan.step_name(step),
        output_shape=shape_text(graph.nodes[step.output].shape),
        algorithm=algorithms.pop("forward", ""),
        backward_algorithms=algorithms,
        nbytes=output_bytes(plan, step, batch_size),
        in_place=any(plan.values[plan.root[source]] is own for source in step.inputs),
    )


def table(header: Sequence[str], rows: Sequence[Sequence[str]], left: int = 2) -> list[str]:
    """Rows below a header, the first columns flush left, the others flush right where they are
    numbers.
    """
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    numbers = [
        column >= left
        and all(not row[column] or row[column].lstrip("-")[0].isdigit() for row in rows)
        for column in range(len(header))
    ]
    return [
        "  ".join(
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(row, widths, numbers, strict=True)
        ).rstrip()
        for row in [header, *rows]
    ]
