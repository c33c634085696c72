"""Work of each row in PyTorch, in the faster of the two memory formats; as `cnnrs_work`."""

import numpy as np
import torch
from torch.nn import functional

from .process import timed
from .rows import CLASSES, INPUT_SHAPES, RATE, arrays
from .torch_nets import network

__all__ = ["load"]


def load(kind, key):
    """Return the work of a row."""
    torch.set_num_threads(2)
    candidates = []
    for layout in (torch.contiguous_format, torch.channels_last):
        if kind == "memory":
            layout = torch.channels_last  # a process measures only one layout
        if kind in ("step", "memory"):
            candidates.append((training_step(layout, *key), None))
        elif kind == "matmul":
            candidates.append((matmul(*key), None))
        elif kind == "map":
            candidates.append((memory_bound(layout, *key), None))
        else:
            candidates.append(convolution(layout, kind, key))
        if kind in ("matmul", "memory"):
            return candidates[0]
    return min(candidates, key=lambda pair: once(pair[0]))


def once(work):
    """Return the smallest of a few times, after a first call."""
    work()
    return min(timed(work) for _ in range(5))


def training_step(layout, name, batch):
    height, width, channels = INPUT_SHAPES[name]
    model = network(name).to(memory_format=layout)
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=0.9)
    x = torch.randn(batch, channels, height, width).to(memory_format=layout)
    labels = torch.randint(0, CLASSES.get(name, 10), (batch,))

    def step():
        optimizer.zero_grad()
        functional.cross_entropy(model(x), labels).backward()
        optimizer.step()

    return step


def matmul(m, n, k):
    a, b, c = torch.randn(m, k), torch.randn(k, n), torch.empty(m, n)
    return lambda: torch.matmul(a, b, out=c)


def memory_bound(layout, name, n, height, width, channels):
    x = torch.randn(n, channels, height, width).to(memory_format=layout).requires_grad_()
    weight, bias = (
        torch.ones(channels, requires_grad=True),
        torch.zeros(channels, requires_grad=True),
    )
    mean, variance = torch.zeros(channels), torch.ones(channels)
    forward, leaves = {
        "relu": (lambda: functional.relu(x), (x,)),
        "max_pool": (lambda: functional.max_pool2d(x, 2), (x,)),
        "batch_norm": (
            lambda: functional.batch_norm(x, mean, variance, weight, bias, training=True),
            (x, weight, bias),
        ),
    }[name]
    grad = torch.randn(forward().shape).to(memory_format=layout)
    return lambda: torch.autograd.grad(forward(), leaves, grad)


def convolution(layout, kind, key):
    x, w, dy = (torch.from_numpy(a) for a in arrays(key))
    x, dy = (a.permute(0, 3, 1, 2).contiguous(memory_format=layout) for a in (x, dy))
    w = w.permute(3, 2, 0, 1).contiguous(memory_format=layout)
    bias = torch.zeros(key[3])
    how = {"stride": key[5], "padding": key[6], "groups": key[7]}

    def forward():
        with torch.inference_mode():
            torch.relu_(functional.conv2d(x, w, bias, **how))

    x_leaf, w_leaf = x.clone().requires_grad_(), w.clone().requires_grad_()

    def both():
        torch.autograd.grad(functional.conv2d(x_leaf, w_leaf, None, **how), (x_leaf, w_leaf), dy)

    def result():
        return np.ascontiguousarray(
            functional.conv2d(x, w, bias, **how).permute(0, 2, 3, 1).numpy()
        )

    return (forward if kind == "forward" else both), result
