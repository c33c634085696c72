"""Receptive fields: the pixels of the input that one output of a layer sees, in closed form.

Let ``jump`` be the distance in input pixels between neighbouring outputs. A layer of (dilated)
kernel size K, stride S and leading padding P updates ``size += (K - 1) * jump``, ``start -= P *
jump``, ``jump *= S``. A layer that enlarges by U divides the jump by U.

References
----------
A. Araujo, W. Norris, J. Sim: Computing Receptive Fields of Convolutional Neural Networks. Distill,
2019.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from cnnrs._arguments import Pair
from cnnrs.layers.node import Shape
from cnnrs.model.graph.graph import Graph

__all__ = ["ReceptiveField", "receptive_fields"]


@dataclass(frozen=True, slots=True)
class ReceptiveField:
    """The pixels that one output of a layer sees; pairs are ``(height, width)``, in input pixels.

    Attributes
    ----------
    size : pair of int
        Height and width of the field; it may extend into the padding.
    jump : pair of int
        Distance in input pixels between the fields of neighbouring outputs; a fraction where the
        output is larger than the input.
    start : pair of int
        First row and column of the field of the first output; negative where it begins in the
        padding.

    Examples
    --------
    >>> import cnnrs
    >>> from cnnrs.layers import Conv2D
    >>> model = cnnrs.Sequential((32, 32, 3), [Conv2D(8, 5), Conv2D(8, 5)])
    >>> model.receptive_field("conv2d_2").size
    (9, 9)
    """

    size: Pair
    jump: Pair
    start: Pair


def receptive_fields(graph: Graph) -> list[ReceptiveField]:
    """Return the receptive field of every node; where branches join, the field that covers all."""
    fields: list[ReceptiveField] = []
    for node, sources in zip(graph.nodes, graph.sources, strict=True):
        layer = node.layer
        if layer is None:
            fields.append(ReceptiveField((1, 1), (1, 1), (0, 0)))
            continue
        parts = [fields[source] for source in sources]
        if len(sources) == 1:
            shape = graph.nodes[sources[0]].shape
            view = layer.field_of_view(shape)
            if view.whole or (len(node.shape) == 1 and len(shape) == 3):
                fields.append(_whole(parts[0], shape))
                continue
            size, jump, start = zip(
                *(
                    (
                        parts[0].size[axis]
                        + (view.kernel_size[axis] - 1) * view.dilation[axis] * parts[0].jump[axis],
                        _quotient(parts[0].jump[axis] * view.stride[axis], view.upsampling[axis]),
                        parts[0].start[axis] - view.padding[2 * axis] * parts[0].jump[axis],
                    )
                    for axis in (0, 1)
                ),
                strict=True,
            )
            fields.append(ReceptiveField(_pair(size), _pair(jump), _pair(start)))
        else:
            fields.append(_union(parts))
    return fields


def _quotient(number: int, divisor: int) -> int:
    quotient = Fraction(number, divisor)
    return quotient.numerator if quotient.denominator == 1 else quotient  # type: ignore[return-value]


def _pair(values: tuple[int, ...]) -> Pair:
    return values[0], values[1]


def _whole(field: ReceptiveField, shape: Shape) -> ReceptiveField:
    """Return the field of an output that sees every pixel of a layer."""
    if len(shape) != 3:
        return field
    size = _pair(tuple(field.size[axis] + (shape[axis] - 1) * field.jump[axis] for axis in (0, 1)))
    return ReceptiveField(size, size, field.start)


def _union(fields: list[ReceptiveField]) -> ReceptiveField:
    start = _pair(tuple(min(field.start[axis] for field in fields) for axis in (0, 1)))
    end = _pair(
        tuple(max(field.start[axis] + field.size[axis] for field in fields) for axis in (0, 1))
    )
    jump = _pair(tuple(max(field.jump[axis] for field in fields) for axis in (0, 1)))
    return ReceptiveField(_pair(tuple(end[axis] - start[axis] for axis in (0, 1))), jump, start)
