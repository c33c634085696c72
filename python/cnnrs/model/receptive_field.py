"""Receptive fields: which pixels of the input one output of a layer sees, in closed form.

With ``jump`` the distance in input pixels between neighbouring outputs, a layer of (dilated) kernel
size K, stride S and padding P before gives ``size += (K - 1) * jump``, ``start -= P * jump``,
``jump *= S``. A layer that enlarges by U divides the jump by U.

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
from cnnrs.model.graph import Graph

__all__ = ["ReceptiveField", "receptive_fields"]


@dataclass(frozen=True, slots=True)
class ReceptiveField:
    """Where one output of a layer looks; pairs are ``(height, width)``, in pixels of the input.

    Attributes
    ----------
    size : pair of int
        Height and width of the field; parts of it may lie in the padding.
    jump : pair of int
        By how many input pixels the fields of neighbouring outputs are apart; a fraction where the
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
    """The receptive field of every node of a graph; where branches join, the field that covers
    both.
    """
    fields: list[ReceptiveField] = []
    for node, sources in zip(graph.nodes, graph.sources, strict=True):
        layer = node.layer
        if layer is None:
            fields.append(ReceptiveField((1, 1), (1, 1), (0, 0)))
            continue
        parts = [fields[source] for source in sources]
        if len(sources) == 1:
            shape = graph.nodes[sources[0]].shape
            window = layer.window(shape)
            if window.whole or (len(node.shape) == 1 and len(shape) == 3):
                fields.append(_whole(parts[0], shape))
                continue
            size, jump, start = zip(
                *(
                    (
                        parts[0].size[axis]
                        + (window.kernel_size[axis] - 1)
                        * window.dilation[axis]
                        * parts[0].jump[axis],
                        _quotient(
                            parts[0].jump[axis] * window.stride[axis], window.upsampling[axis]
                        ),
                        parts[0].start[axis] - window.padding[2 * axis] * parts[0].jump[axis],
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
    """The field of something that sees every pixel of a layer."""
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
