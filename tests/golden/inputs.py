"""What PyTorch and cnnrs both start from: numbers that need no file, since each is worked out from
its place in exact arithmetic.
"""

import math

import numpy as np

STEPS = 50
RATE = 0.05
CLASSES = 5
ROWS = 6
EPOCHS = 20
IMAGE = (5, 5, 2)
BATCH = 4
FROZEN = 8


def numbers(seed, *shape):
    """Numbers of no pattern, evenly spread over -1 .. 1."""
    places = np.arange(math.prod(shape), dtype=np.uint64) + np.uint64(1 + 1_000_003 * seed)
    with np.errstate(over="ignore"):
        mixed = places * np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed ^= mixed >> np.uint64(27)
    return (mixed >> np.uint64(40)).astype(np.float64).reshape(shape) / 2**23 - 1


def labels(seed, *shape):
    """Class numbers."""
    return np.minimum(((numbers(seed, *shape) + 1) / 2 * CLASSES).astype(np.int64), CLASSES - 1)


def soft_labels(seed, *shape):
    """Rows of probabilities."""
    positive = numbers(seed, *shape, CLASSES) + 1.5
    return positive / positive.sum(axis=-1, keepdims=True)


def loss_inputs():
    """Predictions and every kind of target for the losses."""
    hard = labels(21, ROWS)
    ignoring = hard.copy()
    ignoring[:2] = 255
    return {
        "x": 3 * numbers(20, ROWS, CLASSES),
        "labels": hard,
        "ignoring": ignoring,
        "soft": soft_labels(22, ROWS),
        "weights": numbers(23, CLASSES) + 1.2,
    }


def network_inputs():
    """Start of a network of one convolution of 3 filters of 3x3 and one dense layer, and a batch
    for each step.
    """
    return {
        "conv.weight": 0.4 * numbers(30, 3, 3, IMAGE[2], 3),
        "conv.bias": 0.1 * numbers(31, 3),
        "dense.weight": 0.4 * numbers(32, 27, CLASSES),
        "dense.bias": 0.1 * numbers(33, CLASSES),
        "x": numbers(34, STEPS, BATCH, *IMAGE),
        "y": labels(35, STEPS, BATCH),
    }
