"""One curve applied to every element of an array, and its gradient: what all activations of one
argument share.
"""

from typing import Any

from cnnrs import _core
from cnnrs._arguments import floats, output
from cnnrs.errors import ShapeError

_X = ("x",)


def forward(name: str, parameter: float, x: Any, out: Any) -> Any:
    """The values of a curve with one parameter (0 where it has none)."""
    (data,) = floats(_X, x)
    result = output(out, data.shape, data.dtype)
    _core.curve_forward(name, parameter, data, result)
    return result


def backward(
    name: str,
    parameter: float,
    grad_output: Any,
    saved_name: str,
    saved: Any,
    out: Any,
    accumulate: bool,
) -> Any:
    """The gradient of a curve, from its input or its output, whichever `saved_name` says."""
    grad_output, saved = floats(("grad_output", saved_name), grad_output, saved)
    if grad_output.shape != saved.shape:
        raise ShapeError(
            f"{saved_name}: expected the shape of grad_output {grad_output.shape}, got "
            f"{saved.shape}"
        )
    result = output(out, saved.shape, saved.dtype, accumulate)
    _core.curve_backward(name, parameter, grad_output, saved, result, accumulate)
    return result
