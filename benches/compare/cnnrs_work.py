"""Work of each row in cnnrs.

`load` returns the function to time and, for a forward convolution, one that returns the result.
"""

import numpy as np

import cnnrs
from cnnrs import ops

from .rows import CLASSES, INPUT_SHAPES, RATE, aligned, arrays

__all__ = ["load"]


def load(kind, key):
    """Return the work of a row."""
    cnnrs.set_num_threads(2)
    if kind in ("step", "memory"):
        return training_step(*key), None
    if kind == "predict":
        return prediction(*key), None
    if kind == "matmul":
        return matmul(*key), None
    if kind == "map":
        return memory_bound(*key), None
    return convolution(kind, key)


def network(name):
    return cnnrs.zoo.create(name, input_shape=INPUT_SHAPES[name], num_classes=CLASSES.get(name, 10))


def training_step(name, batch):
    random = np.random.default_rng(0)
    trainer = cnnrs.Trainer(
        network(name), loss="cross_entropy", optimizer=cnnrs.optimizers.SGD(RATE, momentum=0.9)
    )
    x = random.standard_normal((batch, *INPUT_SHAPES[name]), dtype=np.float32)
    y = random.integers(0, CLASSES.get(name, 10), batch)
    return lambda: trainer.train_step(x, y)


def prediction(name, batch):
    model = network(name)
    x = np.random.default_rng(0).standard_normal((batch, *INPUT_SHAPES[name]), dtype=np.float32)
    return lambda: model(x)


def matmul(m, n, k):
    random = np.random.default_rng(0)
    a, b = (
        aligned(random.standard_normal((m, k), dtype=np.float32)),
        aligned(random.standard_normal((k, n), dtype=np.float32)),
    )
    c = aligned(np.zeros((m, n), np.float32))
    return lambda: ops.matmul(a, b, out=c)


def memory_bound(name, *shape):
    from cnnrs.layers import BatchNorm, MaxPool2D, ReLU

    random = np.random.default_rng(0)
    x = random.standard_normal(shape, dtype=np.float32)
    layer = {"relu": ReLU(), "max_pool": MaxPool2D(2), "batch_norm": BatchNorm()}[name]
    # A model of one layer, so that its arrays are placed as in a training step.
    model = cnnrs.Sequential(shape[1:], [layer])
    runtime = getattr(model, "runtime", model)  # cnnrs 0.1.0 has no `runtime`
    _, run = runtime.acquire(runtime.plan_for(training=True, input_gradients=True), shape[0])
    gradient, _ = run.output_gradients()[0]
    gradient[...] = random.standard_normal(gradient.shape, dtype=np.float32)

    def both():
        run.forward([x])
        run.backward()

    return both


def convolution(kind, key):
    x, w, dy = arrays(key)
    bias = np.zeros(key[3], np.float32)
    how = {"stride": key[5], "padding": key[6], "groups": key[7]}
    y, dx, dw = aligned(dy), aligned(x), aligned(w)  # to be overwritten
    prepared = ops.prepare_conv2d_weight(w, x.shape, **how)

    def forward():
        ops.conv2d(x, prepared, bias, activation="relu", out=y, **how)

    def both():
        ops.conv2d(x, w, None, out=y, **how)
        ops.conv2d_backward_input(dy, w, x.shape, out=dx, **how)
        ops.conv2d_backward_weight(dy, x, w.shape[:2], out=dw, **how)

    return (forward if kind == "forward" else both), lambda: ops.conv2d(x, prepared, bias, **how)
