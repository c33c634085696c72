"""The steps that all element-wise activations share: check the arguments, call the kernel."""

from collections.abc import Callable
from typing import Any

from cnnrs import _core
from cnnrs._arguments import floats, output
from cnnrs.errors import ShapeError

_X = ("x",)


def apply(kernel: Callable[[Any, Any], None], x: Any, out: Any) -> Any:
    """Apply a kernel to every element of `x`."""
    (data,) = floats(_X, x)
    result = output(out, data.shape, data.dtype)
    kernel(data, result)
    return result


def gradient(
    kernel: Callable[[Any, Any, Any, bool], None],
    grad_output: Any,
    saved: Any,
    out: Any,
    accumulate: bool,
    saved_name: str = "y",
) -> Any:
    """Compute a gradient from the saved output or input, whichever `saved_name` says."""
    grad_output, saved = floats(("grad_output", saved_name), grad_output, saved)
    if grad_output.shape != saved.shape:
        raise ShapeError(
            f"{saved_name}: expected the shape of grad_output {grad_output.shape}, got "
            f"{saved.shape}"
        )
    result = output(out, saved.shape, saved.dtype, accumulate)
    kernel(grad_output, saved, result, accumulate)
    return result


def apply_curve(name: str, parameter: float, x: Any, out: Any) -> Any:
    """Apply the named function with one parameter; a function without one ignores it."""
    (data,) = floats(_X, x)
    result = output(out, data.shape, data.dtype)
    _core.curve_forward(name, parameter, data, result)
    return result


def curve_gradient(
    name: str,
    parameter: float,
    grad_output: Any,
    saved_name: str,
    saved: Any,
    out: Any,
    accumulate: bool,
) -> Any:
    """Compute the gradient of the named function."""

    def kernel(grad_output: Any, saved: Any, out: Any, accumulate: bool) -> None:
        _core.curve_backward(name, parameter, grad_output, saved, out, accumulate)

    return gradient(kernel, grad_output, saved, out, accumulate, saved_name)
