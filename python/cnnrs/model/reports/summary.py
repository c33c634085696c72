"""Summary of a model: a table of its layers, totals and notes."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass

from cnnrs import ops
from cnnrs._arguments import Pair
from cnnrs._representation import html_table
from cnnrs.layers import Layer
from cnnrs.layers.node import Shape, shape_text
from cnnrs.model.graph.graph import Graph
from cnnrs.model.graph.receptive_field import ReceptiveField, receptive_fields
from cnnrs.model.network import Network
from cnnrs.model.parameters.memory import megabytes
from cnnrs.model.reports.footprint import footprint
from cnnrs.model.reports.table import table

__all__ = ["LayerSummary", "Summary"]

_HEADER = (
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
        Products in one value of the output: 75 for a filter of 5x5x3; 0 where their number is no
        whole number, and for layers that are no sums of products.
    multiply_adds : int
        Products in the whole output.
    field : ReceptiveField or None
        None for outputs that are not images.
    overlap : pair of int or None
        Rows and columns that neighbouring windows share, ``max(0, K - S)``; None for layers without
        sliding windows.
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
    """Shapes, parameters, multiply-adds, receptive fields and memory of a model; printed, a table.

    Attributes
    ----------
    layers : list of LayerSummary
    num_parameters : int
    multiply_adds : int
        For one sample.
    parameter_bytes : int
    prediction_bytes, training_bytes : int
        Workspace for a batch of `batch_size`: activations, gradients of activations and scratch
        arrays, with memory shared where lifetimes allow.
    prediction, training : Footprint
        All bytes that a prediction and a training step take at their peak: parameters, gradients,
        arrays of the optimizer, and memory of the kernels; ``.total`` is the sum. The interpreter
        and the data are not included.
    batch_size : int
    notes : list of str
        The effect of pooling, and the layers that leave pixels unused.

    Examples
    --------
    >>> import cnnrs
    >>> summary = cnnrs.Sequential((32, 32, 3), [cnnrs.layers.Conv2D(1, 5)]).summary()
    >>> summary.layers[0].multiplications_per_output, summary.layers[0].multiply_adds
    (75, 58800)
    """

    def __init__(self, network: Network, batch_size: int, optimizer_slots: int) -> None:
        graph = network.graph
        fields = receptive_fields(graph)
        self.batch_size = batch_size
        self.title = repr(network).strip("<>")
        self.layers: list[LayerSummary] = []
        self.notes: list[str] = []
        seen: set[Layer] = set()
        for index, node in enumerate(graph.nodes):
            if node.layer is not None:
                self.layers.append(
                    self._line(
                        graph, index, fields[index], node.layer in seen, network.dtype.itemsize
                    )
                )
                seen.add(node.layer)
        self.num_parameters = network.num_parameters
        self.multiply_adds = sum(line.multiply_adds for line in self.layers)
        self.parameter_bytes = network.runtime.arena.nbytes
        self.prediction = footprint(network, batch_size, training=False)
        self.training = footprint(network, batch_size, training=True, slots=optimizer_slots)
        self.prediction_bytes = self.prediction.workspace
        self.training_bytes = self.training.workspace
        self._note_unused(graph)
        self._note_pooling(graph)

    def _line(
        self, graph: Graph, index: int, field: ReceptiveField, repeated: bool, itemsize: int
    ) -> LayerSummary:
        node = graph.nodes[index]
        layer: Layer = node.layer
        shapes = [graph.nodes[source].shape for source in graph.sources[index]]
        work, size = layer.work(*shapes), math.prod(node.shape)
        quotient, rest = divmod(work.multiply_adds, size)
        overlap: Pair | None = None
        if work.unused_border is not None:
            view = layer.field_of_view(shapes[0])
            rows, columns = (max(0, view.span[axis] - view.stride[axis]) for axis in (0, 1))
            overlap = rows, columns
        return LayerSummary(
            name=graph.node_name(index),
            kind=type(layer).__name__,
            output_shape=node.shape,
            parameters=0 if repeated else layer.num_parameters,
            multiplications_per_output=quotient if rest == 0 else 0,
            multiply_adds=work.multiply_adds,
            field=field if len(node.shape) == 3 else None,
            overlap=overlap,
            unused=work.unused_border or (0, 0),
            activation_bytes=size * itemsize,
        )

    def _note_unused(self, graph: Graph) -> None:
        for index, line in enumerate(self.layers, start=len(graph.inputs)):
            if any(line.unused):
                rows, columns = line.unused
                note = (
                    f"* {line.name} leaves {_plural(rows, 'row')} and {_plural(columns, 'column')} "
                    "at the border unused"
                )
                if hasattr(graph.nodes[index].layer, "rounding"):
                    note += '; rounding="exact" raises an error that shows what fits'
                self.notes.append(note)

    def _note_pooling(self, graph: Graph) -> None:
        """Note what pooling changes: activations, and weights of a following dense layer."""
        readers = graph.consumers()
        for index, line in enumerate(self.layers, start=len(graph.inputs)):
            if line.overlap is None or line.multiply_adds:  # no window slides, or it has weights
                continue
            before = graph.nodes[graph.sources[index][0]].shape
            kept = 100 * math.prod(line.output_shape) / math.prod(before)
            note = (
                f"{line.name}: {shape_text(before)} -> {shape_text(line.output_shape)} keeps "
                f"{kept:.4g} % of the activations"
            )
            following = self._following_weights(graph, readers, index)
            if following is not None:
                name = graph.node_name(following)
                if len(graph.nodes[following].shape) == 3:
                    change = f"{name} has the same number of weights with or without it"
                else:
                    change = f"{name} has {100 - kept:.4g} % fewer weights than without it"
                note += f"; the following {change}"
            self.notes.append(note)

    def _following_weights(self, graph: Graph, readers: list[list[int]], index: int) -> int | None:
        """Return the next layer with weights, if all layers up to it keep the number of values."""
        while len(readers[index]) == 1:
            source, index = index, readers[index][0]
            line = self.layers[index - len(graph.inputs)]
            if line.multiply_adds and graph.nodes[index].layer.parameters:
                return index
            if math.prod(line.output_shape) != math.prod(graph.nodes[source].shape):
                return None
        return None

    def __str__(self) -> str:
        rows = [self._cells(line) for line in self.layers]
        return "\n".join([self.title, "", *table(_HEADER, rows), "", *self._totals()])

    def _repr_html_(self) -> str:
        """Return the table for a notebook, with totals and notes after it."""
        rows = [self._cells(line) for line in self.layers]
        totals = html.escape("\n".join(self._totals()))
        return f"{html_table(_HEADER, rows, caption=self.title)}<pre>{totals}</pre>"

    def _totals(self) -> list[str]:
        """Return the lines after the table."""
        lines = [
            f"parameters     {self.num_parameters:,} ({megabytes(self.parameter_bytes)})",
            f"multiply-adds  {self.multiply_adds:,} for one sample",
            f"peak memory    {megabytes(self.prediction.total)} in prediction, "
            f"{megabytes(self.training.total)} in training, "
            f"for a batch of {self.batch_size}, with {ops.get_num_threads()} "
            f"thread{'s' * (ops.get_num_threads() != 1)}",
        ]
        if self.notes:
            lines += ["", *self.notes]
        return lines

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
