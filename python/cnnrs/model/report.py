"""What a plan does, for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cnnrs import ops
from cnnrs.layers import Conv2D
from cnnrs.layers.node import shape_text
from cnnrs.model.memory import megabytes
from cnnrs.model.plan import Plan, Step

if TYPE_CHECKING:
    from cnnrs.model.model import Model

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
        Of a convolution, as `cnnrs.ops.conv2d_algorithm` names it; else empty.
    """

    name: str
    output_shape: str
    algorithm: str


class PlanReport:
    """The plans of a model for a batch size; as text, the steps, what was fused or dropped, and the bytes.

    Attributes
    ----------
    steps : list of StepReport
        Of prediction.
    fused, dropped : list of str
        Of prediction.
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
        self.fused = list(prediction.fused)
        self.dropped = list(prediction.dropped)
        self.prediction_bytes = prediction.bytes_per_sample * batch_size
        self.training_bytes = training.bytes_per_sample * batch_size
        self.held_bytes = model.held_bytes

    def __str__(self) -> str:
        width = max((len(step.name) for step in self.steps), default=0)
        shapes = max((len(step.output_shape) for step in self.steps), default=0)
        lines = [f"{step.name.ljust(width)}  {step.output_shape.ljust(shapes)}  {step.algorithm}".rstrip() for step in self.steps]
        lines += ["", f"fused    {', '.join(self.fused) or 'nothing'}", f"dropped  {', '.join(self.dropped) or 'nothing'}"]
        lines.append(
            f"bytes    {megabytes(self.prediction_bytes)} to predict, {megabytes(self.training_bytes)} to train "
            f"with batches of {self.batch_size}; {megabytes(self.held_bytes)} held now"
        )
        return "\n".join(lines)

    __repr__ = __str__


def _step(plan: Plan, step: Step, batch_size: int) -> StepReport:
    graph = plan.graph
    name = graph.names[step.layer]
    if graph.nodes[step.output].layer is not step.layer:
        name += f" + {graph.node_name(step.output)}"
    algorithm = ""
    layer = step.layer
    if isinstance(layer, Conv2D):
        algorithm = ops.conv2d_algorithm(
            (batch_size, *graph.nodes[step.inputs[0]].shape),
            layer.parameters["weight"].shape,
            stride=layer.stride,
            padding=layer.padding,
            dilation=layer.dilation,
            groups=layer.groups,
        )
    return StepReport(name, shape_text(graph.nodes[step.output].shape), algorithm)
