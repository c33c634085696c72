"""The summary of a model: a table of its layers, and what follows from it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cnnrs import ops
from cnnrs._arguments import Pair
from cnnrs.layers import AveragePool2D, Conv2D, Dense, Flatten, Layer, LpPool2D, MaxPool2D
from cnnrs.layers.node import Shape, shape_text
from cnnrs.model.footprint import footprint
from cnnrs.model.graph import Graph
from cnnrs.model.memory import megabytes
from cnnrs.model.receptive_field import ReceptiveField, receptive_fields
from cnnrs.model.report import table

if TYPE_CHECKING:
    from cnnrs.model.model import Model

__all__ = ["LayerSummary", "Summary"]

_POOLS = (MaxPool2D, AveragePool2D, LpPool2D)


@dataclass(frozen=True, slots=True)
class LayerSummary:
    """One line of the table; counts are for one sample.

    Attributes
    ----------
    name, kind : str
    output_shape : tuple of int
    parameters : int
        Trainable values.
    multiplications_per_output : int
        How many multiplications make one value of the output: 75 for a filter of 5x5x3.
    multiply_adds : int
        The same for the whole output.
    field : ReceptiveField or None
        None for what is no image.
    overlap : pair of int or None
        By how many pixels neighbouring windows overlap, ``max(0, K - S)``.
    unused : pair of int
        Rows and columns at the bottom and right that no window reaches.
    activation_bytes : int
    """

    name: str
    kind: str
    output_shape: Shape
    parameters: int
    multiplications_per_output: int
    multiply_adds: int
    field: ReceptiveField | None
    overlap: Pair | None
    unused: Pair
    activation_bytes: int


class Summary:
    """Shapes, parameters, multiplications, receptive fields and memory of a model; as text, a
    table.

    Attributes
    ----------
    layers : list of LayerSummary
    num_parameters : int
    multiply_adds : int
        For one sample.
    parameter_bytes : int
    prediction_bytes, training_bytes : int
        Workspace for a batch of `batch_size`: activations, gradients of activations and scratch,
        with memory shared where lifetimes allow.
    prediction, training : Footprint
        All bytes that a prediction and a training step take at their peak, with parameters,
        gradients, the optimizer's arrays and what the kernels need; ``.total`` is the sum. The
        interpreter and the data come on top.
    batch_size : int
    notes : list of str
        What pooling changes, and which layers leave pixels unused.

    Examples
    --------
    >>> import cnnrs
    >>> summary = cnnrs.Sequential((32, 32, 3), [cnnrs.layers.Conv2D(1, 5)]).summary()
    >>> summary.layers[0].multiplications_per_output, summary.layers[0].multiply_adds
    (75, 58800)
    """

    def __init__(self, model: Model, batch_size: int, optimizer_slots: int) -> None:
        graph = model.graph
        fields = receptive_fields(graph)
        self.batch_size = batch_size
        self.title = repr(model).strip("<>")
        self.layers: list[LayerSummary] = []
        self.notes: list[str] = []
        seen: set[Layer] = set()
        for index, node in enumerate(graph.nodes):
            if node.layer is not None:
                self.layers.append(
                    self._line(
                        graph, index, fields[index], node.layer in seen, model.dtype.itemsize
                    )
                )
                seen.add(node.layer)
        self.num_parameters = model.num_parameters
        self.multiply_adds = sum(line.multiply_adds for line in self.layers)
        self.parameter_bytes = model.arena.nbytes
        self.prediction = footprint(model, batch_size, training=False)
        self.training = footprint(model, batch_size, training=True, slots=optimizer_slots)
        self.prediction_bytes = self.prediction.workspace
        self.training_bytes = self.training.workspace
        self._note_unused()
        self._note_pooling(graph)

    def _line(
        self, graph: Graph, index: int, field: ReceptiveField, repeated: bool, itemsize: int
    ) -> LayerSummary:
        node = graph.nodes[index]
        layer = node.layer
        assert layer is not None
        shapes = [graph.nodes[source].shape for source in graph.sources[index]]
        per_output = layer.multiplications_per_output(*shapes)
        overlap: Pair | None = None
        unused: Pair = (0, 0)
        if isinstance(layer, (Conv2D, *_POOLS)):
            window = layer.window(shapes[0])
            span = [(window.kernel_size[axis] - 1) * window.dilation[axis] + 1 for axis in (0, 1)]
            overlap = max(0, span[0] - window.stride[0]), max(0, span[1] - window.stride[1])
            ends = [
                shapes[0][axis]
                + window.padding[2 * axis]
                + window.padding[2 * axis + 1]
                - span[axis]
                - (node.shape[axis] - 1) * window.stride[axis]
                for axis in (0, 1)
            ]
            unused = max(0, ends[0]), max(0, ends[1])
        return LayerSummary(
            name=graph.node_name(index),
            kind=type(layer).__name__,
            output_shape=node.shape,
            parameters=0 if repeated else layer.num_parameters,
            multiplications_per_output=per_output,
            multiply_adds=per_output * math.prod(node.shape),
            field=field if len(node.shape) == 3 else None,
            overlap=overlap,
            unused=unused,
            activation_bytes=math.prod(node.shape) * itemsize,
        )

    def _note_unused(self) -> None:
        for line in self.layers:
            if any(line.unused):
                rows, columns = line.unused
                self.notes.append(
                    f"* {line.name} leaves {_plural(rows, 'row')} and {_plural(columns, 'column')} "
                    "at the border unused; "
                    'rounding="exact" would refuse, and say what fits'
                )

    def _note_pooling(self, graph: Graph) -> None:
        """What pooling changes: the activations always, the weights behind it only if they are
        those of a dense layer.
        """
        readers = graph.consumers()
        for index, node in enumerate(graph.nodes):
            if not isinstance(node.layer, _POOLS):
                continue
            before = graph.nodes[graph.sources[index][0]].shape
            kept = 100 * math.prod(node.shape) / math.prod(before)
            note = (
                f"{graph.node_name(index)}: {shape_text(before)} -> {shape_text(node.shape)} keeps "
                f"{kept:.4g} % of the activations"
            )
            behind = _weights_behind(graph, readers, index)
            if behind is not None:
                layer = graph.nodes[behind].layer
                if isinstance(layer, Conv2D):
                    change = "as many weights as without the pooling"
                else:
                    change = f"{100 - kept:.4g} % fewer weights than without the pooling"
                note += f"; {graph.node_name(behind)} behind it has {change}"
            self.notes.append(note)

    def __str__(self) -> str:
        header = (
            "layer",
            "output",
            "parameters",
            "products/output",
            "multiply-adds",
            "field",
            "jump",
            "start",
            "overlap",
            "activations",
        )
        rows = [self._cells(line) for line in self.layers]
        lines = [self.title, "", *table(header, rows)]
        lines += [
            "",
            f"parameters     {self.num_parameters:,} ({megabytes(self.parameter_bytes)})",
            f"multiply-adds  {self.multiply_adds:,} for one sample",
            f"peak memory    {megabytes(self.prediction.total)} in prediction, "
            f"{megabytes(self.training.total)} in training, "
            f"for a batch of {self.batch_size}, with {ops.get_num_threads()} "
            f"thread{'s' * (ops.get_num_threads() != 1)}",
        ]
        if self.notes:
            lines += ["", *self.notes]
        return "\n".join(lines)

    @staticmethod
    def _cells(line: LayerSummary) -> tuple[str, ...]:
        field = line.field
        return (
            line.name,
            shape_text(line.output_shape) + ("*" if any(line.unused) else ""),
            f"{line.parameters:,}",
            f"{line.multiplications_per_output:,}" if line.multiplications_per_output else "",
            f"{line.multiply_adds:,}" if line.multiply_adds else "",
            "" if field is None else shape_text(field.size),
            "" if field is None else shape_text(field.jump),
            "" if field is None else f"{field.start[0]},{field.start[1]}",
            "" if line.overlap is None else shape_text(line.overlap),
            megabytes(line.activation_bytes),
        )

    __repr__ = __str__


def _plural(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _weights_behind(graph: Graph, readers: list[list[int]], index: int) -> int | None:
    """The next layer with weights behind a node, if the way there is a chain of layers that keep
    the number of activations.
    """
    while len(readers[index]) == 1:
        index = readers[index][0]
        node = graph.nodes[index]
        if isinstance(node.layer, (Conv2D, Dense)):
            return index
        before = graph.nodes[graph.sources[index][0]].shape
        if not isinstance(node.layer, Flatten) and node.shape != before:
            return None
    return None
