"""The losses written out slowly, in float64, one sample after another."""

import numpy as np


def log_softmax(x):
    shifted = x - x.max()
    return shifted - np.log(np.exp(shifted).sum())


def cross_entropy(output, target, smoothing=0.0, weights=None, ignore=None):
    classes = output.shape[-1]
    rows = output.reshape(-1, classes).astype(np.float64)
    soft = target.shape == output.shape
    weights = np.ones(classes) if weights is None else np.asarray(weights, np.float64)
    total, counted = 0.0, 0.0
    for row, truth in zip(
        rows, target.reshape(-1, classes) if soft else target.reshape(-1), strict=True
    ):
        if not soft and truth == ignore:
            continue
        wanted = truth.astype(np.float64) if soft else np.eye(classes)[truth]
        wanted = (1 - smoothing) * wanted * (
            1.0 if soft else weights[truth]
        ) + smoothing / classes * (1.0 if soft else weights)
        total -= np.sum(wanted * (weights if soft else 1.0) * log_softmax(row))
        counted += 1.0 if soft else weights[truth]
    return total / counted if counted else 0.0


def focal(output, target, gamma, weights=None, ignore=None):
    classes = output.shape[-1]
    weights = np.ones(classes) if weights is None else weights
    total = counted = 0.0
    for row, truth in zip(
        output.reshape(-1, classes).astype(np.float64), target.reshape(-1), strict=True
    ):
        if truth == ignore:
            continue
        log_p = log_softmax(row)[truth]
        total -= weights[truth] * (1 - np.exp(log_p)) ** gamma * log_p
        counted += weights[truth]
    return total / counted


def kl_divergence(output, target):
    losses = []
    for row, wanted in zip(
        output.reshape(-1, output.shape[-1]), target.reshape(-1, output.shape[-1]), strict=True
    ):
        losses.append(
            sum(t * (np.log(t) - p) for t, p in zip(wanted, log_softmax(row), strict=True) if t > 0)
        )
    return np.mean(losses)


def hinge(output, target, margin=1.0, squared=False):
    losses = []
    for row, truth in zip(output.reshape(-1, output.shape[-1]), target.reshape(-1), strict=True):
        gaps = [max(0.0, margin - row[truth] + x) for c, x in enumerate(row) if c != truth]
        losses.append(sum(gap**2 if squared else gap for gap in gaps) / len(row))
    return np.mean(losses)


def binary_cross_entropy(output, target, weight=1.0):
    p = 1 / (1 + np.exp(-output.astype(np.float64)))
    return np.mean(-weight * target * np.log(p) - (1 - target) * np.log(1 - p))


def binary_focal(output, target, gamma=2.0, alpha=0.25):
    p = 1 / (1 + np.exp(-output.astype(np.float64)))
    p = np.where(target == 1, p, 1 - p)
    factor = 1.0 if alpha is None else np.where(target == 1, alpha, 1 - alpha)
    return np.mean(-factor * (1 - p) ** gamma * np.log(p))


def dice(output, target, smooth=1.0):
    classes = output.shape[-1]
    scores = []
    for x, t in zip(output.astype(np.float64), target, strict=True):
        x, t = x.reshape(-1, classes), t.reshape(-1, classes)
        p = np.exp([log_softmax(row) for row in x]) if classes > 1 else 1 / (1 + np.exp(-x))
        scores += [
            (2 * sum(p[:, c] * t[:, c]) + smooth) / (sum(p[:, c]) + sum(t[:, c]) + smooth)
            for c in range(classes)
        ]
    return 1 - np.mean(scores)


def huber(output, target, delta=1.0):
    d = np.abs(output.astype(np.float64) - target)
    return np.mean(np.where(d <= delta, d**2 / 2, delta * (d - delta / 2)))
