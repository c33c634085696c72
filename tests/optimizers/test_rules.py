"""Every rule against its formulas written out in NumPy, float64, fifty steps; and what the rules
reach.
"""

import math

import numpy as np
import pytest

from cnnrs.optimizers import (
    SGD,
    Adagrad,
    Adam,
    AdamW,
    Lion,
    Muon,
    Optimizer,
    RMSprop,
    Settings,
    get,
)

RATE = 0.05


class Slow:
    """The rules, one array operation after another, as the papers (and PyTorch's documentation)
    write them.
    """

    def __init__(self, optimizer):
        self.o = optimizer
        self.memory = {}

    def mean(self, name, value, keep):
        self.memory[name] = keep * self.memory.get(name, np.zeros_like(value)) + (1 - keep) * value
        return self.memory[name]

    def step(self, w, g, t, decay=0.0):
        o = self.o
        if not isinstance(o, (AdamW, Lion, Muon)):
            g = g + decay * w
        return getattr(self, type(o).__name__)(w, g, t, decay)

    def SGD(self, w, g, t, decay):
        if not self.o.momentum:
            return w - RATE * g
        v = g.copy() if t == 1 else self.o.momentum * self.memory["v"] + (1 - self.o.dampening) * g
        self.memory["v"] = v
        return w - RATE * (g + self.o.momentum * v if self.o.nesterov else v)

    def RMSprop(self, w, g, t, decay):
        s = self.mean("s", g**2, self.o.rho)
        if self.o.centered:
            s = s - self.mean("m", g, self.o.rho) ** 2
        d = g / (np.sqrt(s) + self.o.epsilon)
        v = self.o.momentum * self.memory.get("v", np.zeros_like(w)) + d
        self.memory["v"] = v
        return w - RATE * v

    def Adagrad(self, w, g, t, decay):
        s = self.memory.get("s", np.full_like(w, self.o.initial_value)) + g**2
        self.memory["s"] = s
        return w - RATE / (1 + (t - 1) * self.o.learning_rate_decay) * g / (
            np.sqrt(s) + self.o.epsilon
        )

    def Adam(self, w, g, t, decay):
        first, second = self.o.betas
        m, s = self.mean("m", g, first), self.mean("s", g**2, second)
        if self.o.amsgrad:
            s = self.memory["top"] = np.maximum(s, self.memory.get("top", 0))
        return w - RATE * (m / (1 - first**t)) / (np.sqrt(s / (1 - second**t)) + self.o.epsilon)

    def AdamW(self, w, g, t, decay):
        return self.Adam(w - RATE * decay * w, g, t, decay)

    def Lion(self, w, g, t, decay):
        first, second = self.o.betas
        c = first * self.memory.get("m", np.zeros_like(w)) + (1 - first) * g
        self.mean("m", g, second)
        return w - RATE * (np.sign(c) + decay * w)

    def Muon(self, w, g, t, decay):
        m = self.mean("m", g, self.o.momentum)
        x = self.o.momentum * m + (1 - self.o.momentum) * g if self.o.nesterov else m
        x = x / np.linalg.norm(x)
        for _ in range(self.o.steps):
            a = x.T @ x  # the other side than the library takes: the same in exact arithmetic
            x = 3.4445 * x + x @ (-4.7750 * a + 2.0315 * a @ a)
        rows, columns = w.shape
        size = (
            0.2 * math.sqrt(max(rows, columns))
            if self.o.scale == "match_adamw"
            else math.sqrt(max(1, columns / rows))
        )
        return w - RATE * decay * w - RATE * size * x


RULES = [
    SGD(RATE),
    SGD(RATE, 0.9),
    SGD(RATE, 0.9, nesterov=True),
    SGD(RATE, 0.5, dampening=0.3),
    RMSprop(RATE),
    RMSprop(RATE, 0.9, momentum=0.8),
    RMSprop(RATE, 0.9, centered=True),
    RMSprop(RATE, 0.95, momentum=0.5, centered=True, epsilon=1e-3),
    Adagrad(RATE),
    Adagrad(RATE, learning_rate_decay=0.1, initial_value=0.5, epsilon=1e-4),
    Adam(RATE),
    Adam(RATE, (0.8, 0.95), epsilon=1e-3),
    Adam(RATE, (0.9, 0.9), amsgrad=True),
    AdamW(RATE),
    AdamW(RATE, amsgrad=True),
    Lion(RATE),
    Lion(RATE, (0.8, 0.95)),
]


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("optimizer", RULES, ids=repr)
def test_fifty_steps(optimizer, dtype, decay, rng):
    size = 41
    start, gradients = (
        rng.standard_normal(size).astype(dtype),
        rng.standard_normal((50, size)).astype(dtype),
    )
    values, state = start.copy(), {name: np.zeros(size, dtype) for name in optimizer.slots}
    expected, slow = start.astype(np.float64), Slow(optimizer)
    for step, gradient in enumerate(gradients):
        before = gradient.copy()
        optimizer.update(values, gradient, state, Settings(RATE, decay, step=step))
        assert np.array_equal(gradient, before)
        expected = slow.step(expected, gradient.astype(np.float64), step + 1, decay)
    limit = 1e-12 if dtype == np.float64 else 5e-6
    if isinstance(optimizer, Lion) and dtype == np.float32:
        limit = 2e-5  # fifty steps of one size, each rounded
    np.testing.assert_allclose(values, expected, rtol=limit, atol=limit)
    assert values.dtype == dtype


@pytest.mark.parametrize("shape", [(12, 5), (5, 12), (3, 3, 2, 7)], ids=str)
@pytest.mark.parametrize(
    "options",
    [{}, {"nesterov": False, "scale": "original"}, {"momentum": 0.0, "steps": 3}],
    ids=str,
)
def test_muon(shape, options, rng):
    optimizer = Muon(RATE, **options)
    start, gradients = rng.standard_normal(shape), rng.standard_normal((50, *shape))
    values, state = (
        start.copy().reshape(-1),
        {name: np.zeros(start.size) for name in optimizer.slots},
    )
    expected, slow = start.reshape(-1, shape[-1]), Slow(optimizer)
    for step, gradient in enumerate(gradients):
        optimizer.update(
            values, gradient.reshape(-1), state, Settings(RATE, 0.1, step=step, shape=shape)
        )
        expected = slow.step(expected, gradient.reshape(expected.shape), step + 1, 0.1)
    np.testing.assert_allclose(values, expected.reshape(-1), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    "settings", [{"shape": (6,)}, {"shape": (3, 2), "head": True}, {"shape": None}], ids=str
)
def test_muon_is_adamw_for_what_is_no_matrix_and_for_the_head(settings, rng):
    gradients, results = rng.standard_normal((9, 6)), []
    for optimizer in (Muon(RATE, betas=(0.8, 0.9)), AdamW(RATE, (0.8, 0.9))):
        values, state = np.ones(6), {name: np.zeros(6) for name in optimizer.slots}
        for step, gradient in enumerate(gradients):
            optimizer.update(values, gradient, state, Settings(RATE, 0.3, step=step, **settings))
        results.append(values)
    assert np.array_equal(*results)


@pytest.mark.parametrize(
    "optimizer",
    [SGD(RATE, 0.9), RMSprop(RATE), Adagrad(RATE), Adam(RATE), AdamW(RATE), Lion(RATE)],
    ids=repr,
)
def test_the_gradient_is_scaled_clipped_and_penalised_first(optimizer, rng):
    """As a gradient worked out by `Settings.slope`, which is plain NumPy."""
    gradients = rng.standard_normal((20, 33)) * 3
    ready, raw = rng.standard_normal(33), None
    raw = ready.copy()
    states = [{name: np.zeros(33) for name in optimizer.slots} for _ in range(2)]
    for step, gradient in enumerate(gradients):
        shaping = Settings(RATE, 0.0, l1=0.3, gradient_scale=0.5, gradient_limit=1.2)
        wanted = np.clip(gradient * 0.5, -1.2, 1.2) + 0.3 * np.sign(ready)
        np.testing.assert_allclose(shaping.slope(ready, gradient), wanted, rtol=1e-15)
        optimizer.update(ready, wanted, states[0], Settings(RATE, step=step))
        optimizer.update(
            raw,
            gradient,
            states[1],
            Settings(RATE, l1=0.3, gradient_scale=0.5, gradient_limit=1.2, step=step),
        )
    np.testing.assert_allclose(raw, ready, rtol=1e-12, atol=1e-14)


# --- non-convex valleys ---------------------------------------------------------------------------
def rosenbrock(w):
    x, y = w
    return (1 - x) ** 2 + 100 * (y - x * x) ** 2, np.array(
        [-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)]
    )


def beale(w):
    x, y = w
    terms = [(c - x + x * y**k, k) for c, k in ((1.5, 1), (2.25, 2), (2.625, 3))]
    slope_x = sum(2 * t * (y**k - 1) for t, k in terms)
    slope_y = sum(2 * t * k * x * y ** (k - 1) for t, k in terms)
    return sum(t * t for t, _ in terms), np.array([slope_x, slope_y])


@pytest.mark.parametrize("function", [rosenbrock, beale])
def test_the_slopes_used_here_are_right(function):
    w = np.array([0.3, -0.7])
    for place in range(2):
        move = np.eye(2)[place] * 1e-6
        assert function(w)[1][place] == pytest.approx(
            (function(w + move)[0] - function(w - move)[0]) / 2e-6, rel=1e-6
        )


@pytest.mark.parametrize(
    ("optimizer", "function", "start"),
    [
        (SGD(5e-4, 0.9), rosenbrock, (-1.2, 1.0)),
        (SGD(5e-4, 0.9, nesterov=True), rosenbrock, (-1.2, 1.0)),
        (Adam(0.02), rosenbrock, (-1.2, 1.0)),
        (AdamW(0.02, weight_decay=0.0), rosenbrock, (-1.2, 1.0)),
        (RMSprop(1e-3, 0.9), rosenbrock, (-1.2, 1.0)),
        (Adagrad(0.5), rosenbrock, (-1.2, 1.0)),
        (SGD(0.01, 0.9), beale, (1.0, 1.0)),
        (SGD(0.01, 0.9, nesterov=True), beale, (1.0, 1.0)),
        (Adam(0.02), beale, (1.0, 1.0)),
        (RMSprop(1e-3, 0.9), beale, (1.0, 1.0)),
        (Adagrad(0.5), beale, (1.0, 1.0)),
        (Lion(1e-3), beale, (1.0, 1.0)),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_valleys_are_descended_to_one_in_a_million(optimizer, function, start):
    """The rate falls to a thousandth, for the rules whose steps do not shrink by themselves."""
    w, state = np.array(start), {name: np.zeros(2) for name in optimizer.slots}
    steps = 20_000
    for step in range(steps):
        rate = optimizer.learning_rate
        if isinstance(optimizer, (RMSprop, Lion)):
            rate *= 1e-3 ** (step / steps)
        optimizer.update(w, function(w)[1], state, Settings(rate, step=step))
        if step % 100 == 0 and function(w)[0] < 1e-6:
            break
    assert function(w)[0] < 1e-6, (function(w)[0], w)


def test_names():
    for name in ("sgd", "rmsprop", "adagrad", "adam", "adamw", "lion", "muon"):
        assert isinstance(get(name), Optimizer)
        assert type(get(name)).__name__.lower() == name
