"""Slow obvious references in float64: what each kernel computes, written as its definition says,
one output at a time.

Images are (n, height, width, channels), filters (kernel_h, kernel_w, channels / groups, filters);
padding is (top, bottom, left, right). No padded copy, no unrolling, no tricks: an index outside the
image contributes nothing.
"""

import math

import numpy as np


def output_size(size, kernel, stride, before, after, dilation=1, rounding="floor"):
    """Counts window starts one by one."""
    count, start = 0, -before
    span = dilation * (kernel - 1) + 1
    while start + span <= size + after:
        count, start = count + 1, start + stride
    if rounding == "ceil" and count and start - stride + span < size + after and start < size:
        count += 1
    return count


def same_sides(size, kernel, stride, dilation=1):
    """The smallest padding, its odd pixel last, with which ceil(size / stride) windows fit."""
    wanted = -(-size // stride)
    total = 0
    while output_size(size, kernel, stride, 0, total, dilation) < wanted:
        total += 1
    return total // 2, total - total // 2


def _positions(shape, kernel, stride, padding, dilation, out_size):
    """Every (output row, output column, kernel row, kernel column, input row, input column) with
    the input inside the image.
    """
    for y in range(out_size[0]):
        for x in range(out_size[1]):
            for i in range(kernel[0]):
                for j in range(kernel[1]):
                    row = y * stride[0] - padding[0] + i * dilation[0]
                    column = x * stride[1] - padding[2] + j * dilation[1]
                    if 0 <= row < shape[1] and 0 <= column < shape[2]:
                        yield y, x, i, j, row, column


def _groups(channels, filters, groups):
    """(input channels, filters) of each group as slices."""
    c, f = channels // groups, filters // groups
    return [(slice(g * c, (g + 1) * c), slice(g * f, (g + 1) * f)) for g in range(groups)]


def _conv_size(shape, kernel, stride, padding, dilation):
    return (
        output_size(shape[1], kernel[0], stride[0], padding[0], padding[1], dilation[0]),
        output_size(shape[2], kernel[1], stride[1], padding[2], padding[3], dilation[1]),
    )


def conv2d(x, weight, bias=None, stride=(1, 1), padding=(0, 0, 0, 0), dilation=(1, 1), groups=1):
    x, weight = np.asarray(x, np.float64), np.asarray(weight, np.float64)
    kernel = weight.shape[:2]
    size = _conv_size(x.shape, kernel, stride, padding, dilation)
    out = np.zeros((x.shape[0], *size, weight.shape[3]))
    for y, c, i, j, row, column in _positions(x.shape, kernel, stride, padding, dilation, size):
        for inputs, filters in _groups(x.shape[3], weight.shape[3], groups):
            for n in range(x.shape[0]):
                out[n, y, c, filters] += x[n, row, column, inputs] @ weight[i, j, :, filters]
    return out if bias is None else out + np.asarray(bias, np.float64)


def conv2d_backward_input(
    grad_output, weight, input_shape, stride=(1, 1), padding=(0, 0, 0, 0), dilation=(1, 1), groups=1
):
    grad_output, weight = np.asarray(grad_output, np.float64), np.asarray(weight, np.float64)
    grad = np.zeros(input_shape)
    for y, c, i, j, row, column in _positions(
        input_shape, weight.shape[:2], stride, padding, dilation, grad_output.shape[1:3]
    ):
        for inputs, filters in _groups(input_shape[3], weight.shape[3], groups):
            for n in range(input_shape[0]):
                grad[n, row, column, inputs] += (
                    weight[i, j, :, filters] @ grad_output[n, y, c, filters]
                )
    return grad


def conv2d_backward_weight(
    grad_output, x, kernel, stride=(1, 1), padding=(0, 0, 0, 0), dilation=(1, 1), groups=1
):
    grad_output, x = np.asarray(grad_output, np.float64), np.asarray(x, np.float64)
    grad = np.zeros((*kernel, x.shape[3] // groups, grad_output.shape[3]))
    for y, c, i, j, row, column in _positions(
        x.shape, kernel, stride, padding, dilation, grad_output.shape[1:3]
    ):
        for inputs, filters in _groups(x.shape[3], grad_output.shape[3], groups):
            for n in range(x.shape[0]):
                grad[i, j, :, filters] += np.outer(
                    x[n, row, column, inputs], grad_output[n, y, c, filters]
                )
    return grad


def matmul(a, b):
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    return np.array(
        [[math.fsum(a[i, :] * b[:, j]) for j in range(b.shape[1])] for i in range(a.shape[0])]
    ).reshape(a.shape[0], b.shape[1])


def _windows(x_shape, kernel, stride, padding, out_size):
    """(output row, output column, rows of the window, columns of the window), inside the image
    only.
    """
    for y in range(out_size[0]):
        for x in range(out_size[1]):
            top, left = y * stride[0] - padding[0], x * stride[1] - padding[2]
            rows = range(max(top, 0), min(top + kernel[0], x_shape[1]))
            columns = range(max(left, 0), min(left + kernel[1], x_shape[2]))
            yield y, x, rows, columns


def pool_size(shape, kernel, stride, padding, rounding="floor"):
    return (
        output_size(shape[1], kernel[0], stride[0], padding[0], padding[1], 1, rounding),
        output_size(shape[2], kernel[1], stride[1], padding[2], padding[3], 1, rounding),
    )


def max_pool2d(x, kernel, stride, padding, rounding="floor"):
    size = pool_size(x.shape, kernel, stride, padding, rounding)
    out = np.zeros((x.shape[0], *size, x.shape[3]))
    argmax = np.zeros(out.shape, np.int32)
    for y, c, rows, columns in _windows(x.shape, kernel, stride, padding, size):
        for n in range(x.shape[0]):
            for channel in range(x.shape[3]):
                best = None
                for row in rows:
                    for column in columns:
                        value = float(x[n, row, column, channel])
                        if (
                            best is None
                            or value > best
                            or (math.isnan(value) and not math.isnan(best))
                        ):
                            best, place = value, row * x.shape[2] + column
                out[n, y, c, channel], argmax[n, y, c, channel] = best, place
    return out, argmax


def max_pool2d_backward(grad_output, argmax, input_shape):
    grad = np.zeros(input_shape)
    for n, y, c, channel in np.ndindex(grad_output.shape):
        row, column = divmod(int(argmax[n, y, c, channel]), input_shape[2])
        grad[n, row, column, channel] += grad_output[n, y, c, channel]
    return grad


def _divisor(x_shape, y, c, kernel, stride, padding, rows, columns, count_include_pad):
    if not count_include_pad:
        return len(rows) * len(columns)
    top, left = y * stride[0] - padding[0], c * stride[1] - padding[2]
    height = min(top + kernel[0], x_shape[1] + padding[1]) - top
    width = min(left + kernel[1], x_shape[2] + padding[3]) - left
    return height * width


def average_pool2d(x, kernel, stride, padding, rounding="floor", count_include_pad=False):
    size = pool_size(x.shape, kernel, stride, padding, rounding)
    out = np.zeros((x.shape[0], *size, x.shape[3]))
    for y, c, rows, columns in _windows(x.shape, kernel, stride, padding, size):
        divisor = _divisor(x.shape, y, c, kernel, stride, padding, rows, columns, count_include_pad)
        out[:, y, c] = (
            sum(np.asarray(x[:, row, column], np.float64) for row in rows for column in columns)
            / divisor
        )
    return out


def average_pool2d_backward(
    grad_output, input_shape, kernel, stride, padding, count_include_pad=False
):
    grad = np.zeros(input_shape)
    for y, c, rows, columns in _windows(
        input_shape, kernel, stride, padding, grad_output.shape[1:3]
    ):
        divisor = _divisor(
            input_shape, y, c, kernel, stride, padding, rows, columns, count_include_pad
        )
        for row in rows:
            for column in columns:
                grad[:, row, column] += np.asarray(grad_output[:, y, c], np.float64) / divisor
    return grad


def lp_pool2d(x, kernel, stride, padding, p=2.0, rounding="floor"):
    size = pool_size(x.shape, kernel, stride, padding, rounding)
    out = np.zeros((x.shape[0], *size, x.shape[3]))
    for y, c, rows, columns in _windows(x.shape, kernel, stride, padding, size):
        total = sum(
            np.abs(np.asarray(x[:, row, column], np.float64)) ** p
            for row in rows
            for column in columns
        )
        out[:, y, c] = total ** (1 / p)
    return out


def lp_pool2d_backward(grad_output, x, kernel, stride, padding, p=2.0):
    x, grad_output = np.asarray(x, np.float64), np.asarray(grad_output, np.float64)
    norms = lp_pool2d(x, kernel, stride, padding, p, "floor")
    if norms.shape != grad_output.shape:
        norms = lp_pool2d(x, kernel, stride, padding, p, "ceil")
    grad = np.zeros(x.shape)
    for y, c, rows, columns in _windows(x.shape, kernel, stride, padding, grad_output.shape[1:3]):
        for row in rows:
            for column in columns:
                for n in range(x.shape[0]):
                    for channel in range(x.shape[3]):
                        value, norm = x[n, row, column, channel], norms[n, y, c, channel]
                        if norm > 0 and value != 0:
                            slope = math.copysign((abs(value) / norm) ** (p - 1), value)
                            grad[n, row, column, channel] += grad_output[n, y, c, channel] * slope
    return grad


def sigmoid(x):
    values = [
        1 / (1 + math.exp(-v)) if v >= 0 else math.exp(v) / (1 + math.exp(v))
        for v in np.ravel(x).tolist()
    ]
    return np.array(values).reshape(np.shape(x))


def tanh(x):
    return np.array([math.tanh(v) for v in np.ravel(x).tolist()]).reshape(np.shape(x))


def softmax(x):
    x = np.asarray(x, np.float64)
    out = np.empty(x.shape)
    for place in np.ndindex(x.shape[:-1]):
        largest = max(x[place])
        parts = [math.exp(v - largest) for v in x[place]]
        out[place] = [part / math.fsum(parts) for part in parts]
    return out


def cross_entropy(logits, labels):
    """One loss per sample; labels are class indices, or probabilities of the logits' shape."""
    logits, labels = np.asarray(logits, np.float64), np.asarray(labels)
    out = np.empty(logits.shape[:-1])
    for place in np.ndindex(out.shape):
        row = logits[place]
        largest = max(row)
        log_total = largest + math.log(math.fsum(math.exp(v - largest) for v in row))
        if labels.shape == logits.shape:
            out[place] = math.fsum(
                float(t) * (log_total - v) for t, v in zip(labels[place], row, strict=True)
            )
        else:
            out[place] = log_total - row[labels[place]]
    return out


def sgd(
    parameter,
    gradients,
    learning_rate,
    momentum=0.0,
    dampening=0.0,
    weight_decay=0.0,
    nesterov=False,
):
    """Steps of plain Python floats, one parameter at a time, from a velocity of zero."""
    values = [float(v) for v in parameter]
    velocity = [0.0] * len(values)
    for gradient in gradients:
        for i, slope in enumerate(gradient):
            slope = float(slope) + weight_decay * values[i]
            velocity[i] = momentum * velocity[i] + (1 - dampening) * slope
            step = slope + momentum * velocity[i] if nesterov else velocity[i]
            values[i] -= learning_rate * (step if momentum else slope)
    return np.array(values)


# --- how a result is judged -----------------------------------------------------------------------
def error(result, expected):
    """max |difference| / max |expected|; 0 for two empty arrays of one shape."""
    result, expected = np.asarray(result, np.float64), np.asarray(expected, np.float64)
    assert result.shape == expected.shape, f"shape {result.shape}, expected {expected.shape}"
    if expected.size == 0:
        return 0.0
    return float(np.abs(result - expected).max() / max(float(np.abs(expected).max()), 1e-30))


def slope_error(function, x, gradient, rng, step=1e-4):
    """Relative difference between <gradient, d> and the central difference of a scalar function
    along a random d, in float64.

    Two step sizes and Richardson's extrapolation leave an error of the fourth order in the step.
    """
    direction = rng.standard_normal(np.shape(x))
    direction /= np.linalg.norm(direction)

    def central(h):
        return (function(x + h * direction) - function(x - h * direction)) / (2 * h)

    numeric = (4 * central(step / 2) - central(step)) / 3
    analytic = float(np.sum(gradient * direction))
    return abs(numeric - analytic) / max(
        abs(numeric), abs(analytic), float(np.linalg.norm(gradient)) * 1e-2, 1e-30
    )
