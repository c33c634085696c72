"""Checks and converts the arguments of public functions; the only place that does.

Every message reads ``name: expected …, got …``. A value that is out of bounds is an
`ArgumentError`, a size or a shape a `ShapeError`, a type or dtype a `DTypeError`.
"""

from cnnrs._arguments.arrays import (
    Floats,
    as_array,
    empty,
    float_dtype,
    floats,
    images,
    in_place,
    indices,
    integers,
    output,
    rank,
)
from cnnrs._arguments.scalars import (
    MAX_SIZE,
    choice,
    counter,
    flag,
    integer,
    number,
    optional_number,
    positive,
)
from cnnrs._arguments.sizes import (
    PaddingLike,
    Pair,
    PairLike,
    Sides,
    is_sequence,
    optional_pair,
    padding,
    pair,
    shape_of,
    size,
)

__all__ = [
    "MAX_SIZE",
    "Floats",
    "PaddingLike",
    "Pair",
    "PairLike",
    "Sides",
    "as_array",
    "choice",
    "counter",
    "empty",
    "flag",
    "float_dtype",
    "floats",
    "images",
    "in_place",
    "indices",
    "integer",
    "integers",
    "is_sequence",
    "number",
    "optional_number",
    "optional_pair",
    "output",
    "padding",
    "pair",
    "positive",
    "rank",
    "shape_of",
    "size",
]
