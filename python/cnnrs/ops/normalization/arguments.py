"""Arguments that the normalisations share: values per channel, statistics, gradients."""

from typing import Any

import numpy as np

from cnnrs._arguments import floats, output
from cnnrs.errors import DTypeError, ShapeError

ACTIVATIONS = (None, "relu")


def with_channels(name: str, array: Any) -> int:
    """Return the number of channels of an array that must have at least one."""
    if array.ndim < 2 or array.shape[-1] == 0:
        raise ShapeError(
            f"{name}: expected shape (n, ..., channels) with at least one channel, got "
            f"{array.shape}"
        )
    return int(array.shape[-1])


def per_channel(name: str, array: Any, channels: int) -> None:
    """Check for one value per channel."""
    if array.shape != (channels,):
        raise ShapeError(
            f"{name}: expected one value per channel, shape {(channels,)}, got {array.shape}"
        )


def channel_floats(names: tuple[str, ...], values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the first array and the others, which must hold one value per channel."""
    data, *others = floats(names, *values)
    channels = with_channels(names[0], data)
    for name, array in zip(names[1:], others, strict=True):
        per_channel(name, array, channels)
    return (data, *others)


def affine(x: Any, weight: Any, bias: Any) -> tuple[Any, Any, Any]:
    """Return input, weight and bias; a missing weight is ones, a missing bias zeros."""
    named = {
        name: value
        for name, value in (("x", x), ("weight", weight), ("bias", bias))
        if name == "x" or value is not None
    }
    found = dict(zip(named, channel_floats(tuple(named), tuple(named.values())), strict=True))
    data = found["x"]
    channels = data.shape[-1]
    ones = found["weight"] if weight is not None else np.ones(channels, data.dtype)
    return data, ones, found["bias"] if bias is not None else np.zeros(channels, data.dtype)


def expect_shape_of(name: str, array: Any, other: str, shape: tuple[int, ...]) -> None:
    if array is not None and array.shape != shape:
        raise ShapeError(f"{name}: expected the shape of {other} {shape}, got {array.shape}")


def expect_statistics(statistics: tuple[Any, Any], shape: tuple[int, ...]) -> None:
    for name, array in zip(("mean", "variance"), statistics, strict=True):
        if array.shape != shape:
            raise ShapeError(f"{name}: expected shape {shape}, got {array.shape}")


def gradient_arguments(
    grad_output: Any, x: Any, mean: Any, variance: Any, weight: Any, bias: Any
) -> tuple[Any, Any, Any, Any, Any]:
    """Return gradient, input, weight, bias and (mean, variance) as arrays of one dtype.

    A missing weight is ones, a missing bias zeros."""
    named = {"grad_output": grad_output, "x": x, "mean": mean, "variance": variance}
    named.update(
        {name: value for name, value in (("weight", weight), ("bias", bias)) if value is not None}
    )
    found = dict(zip(named, floats(tuple(named), *named.values()), strict=True))
    gradient, data = found["grad_output"], found["x"]
    channels = with_channels("x", data)
    expect_shape_of("grad_output", gradient, "x", data.shape)
    scale = found["weight"] if weight is not None else np.ones(channels, data.dtype)
    shift = found["bias"] if bias is not None else np.zeros(channels, data.dtype)
    per_channel("weight", scale, channels)
    per_channel("bias", shift, channels)
    return gradient, data, scale, shift, (found["mean"], found["variance"])


def gradient_targets(
    x: Any, out: Any, accumulate: Any, input_gradient: bool = True
) -> tuple[tuple[Any, Any, Any], tuple[bool, bool]]:
    """Return the arrays for the gradients of x, weight and bias, and whether they are accumulated
    into.

    The flags are one for x and one for the other two."""
    channels = x.shape[-1:]
    given = _three("out", (None, None, None) if out is None else out)
    adds = _three(
        "accumulate", accumulate if isinstance(accumulate, (tuple, list)) else (accumulate,) * 3
    )
    if adds[1] is not adds[2]:
        raise DTypeError("accumulate: expected the same for the gradients of weight and bias")
    grad_x = output(given[0], x.shape, x.dtype, adds[0], "out[0]") if input_gradient else None
    grad_weight = output(given[1], channels, x.dtype, adds[1], "out[1]")
    return (grad_x, grad_weight, output(given[2], channels, x.dtype, adds[2], "out[2]")), (
        bool(adds[0]),
        bool(adds[1]),
    )


def _three(name: str, value: Any) -> tuple[Any, Any, Any]:
    if not isinstance(value, (tuple, list)) or len(value) != 3:
        raise DTypeError(f"{name}: expected three items, for x, weight and bias, got {value!r:.60}")
    return value[0], value[1], value[2]
