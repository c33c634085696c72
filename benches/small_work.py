"""What a call costs, and what denormal numbers cost: ``python benches/small_work.py``.

The first table gives microseconds of a call from Python on arrays so small that the work itself is
nothing: of the compiled function alone, and of the function of `cnnrs.ops` around it, which checks
its arguments; the least of several rounds. The second gives the time of a convolution of numbers
around 1e-40, for which a CPU is slow if it is let, by that of the same convolution of normal
numbers: the median of ratios of calls in turn.
"""

import statistics
import time

import numpy as np

from cnnrs import _core, ops

ROUNDS, CALLS = 15, 2000


def seconds(function, calls=1):
    """Of one call, from so many one after another."""
    start = time.perf_counter()
    for _ in range(calls):
        function()
    return (time.perf_counter() - start) / calls


def call_costs():
    """Name and microseconds of each call."""
    x, weight = np.ones((1, 4, 4, 4), np.float32), np.ones((3, 3, 4, 4), np.float32)
    a, b, out, product = (
        np.ones((2, 3), np.float32),
        np.ones((3, 2), np.float32),
        np.empty_like(x),
        np.empty((2, 2), np.float32),
    )
    calls = {
        "_core.relu_forward": lambda: _core.relu_forward(x, out),
        "ops.relu": lambda: ops.relu(x, out=out),
        "ops.matmul": lambda: ops.matmul(a, b, out=product),
        "ops.conv2d": lambda: ops.conv2d(x, weight, padding=1, out=out),
    }
    return {
        name: 1e6 * min(seconds(call, CALLS) for _ in range(ROUNDS)) for name, call in calls.items()
    }


def denormal_ratios():
    """Algorithm and ratio, for the input alone denormal and for both input and weights."""
    random = np.random.default_rng(0)
    x = random.standard_normal((16, 28, 28, 64), dtype=np.float32)
    weight = random.standard_normal((3, 3, 64, 64), dtype=np.float32)
    tiny, tiny_weight, out = np.full_like(x, 1e-40), np.full_like(weight, 1e-40), np.empty_like(x)
    ratios = {}
    for algorithm in ("direct", "winograd_4x4"):
        for name, other in (("input", weight), ("input and weights", tiny_weight)):

            def work(x, weight, algorithm=algorithm):
                return seconds(
                    lambda: ops.conv2d(x, weight, padding=1, algorithm=algorithm, out=out)
                )

            work(x, weight)
            ratios[algorithm, name] = statistics.median(
                work(tiny, other) / work(x, weight) for _ in range(ROUNDS)
            )
    return ratios


def main():
    print(f"cnnrs {ops.simd_level()}, {ops.get_num_threads()} threads")
    print("\n| call | microseconds |\n|---|---|")
    for name, cost in call_costs().items():
        print(f"| `{name}` | {cost:.1f} |")
    print("\n| algorithm | denormal | time by that of normal numbers |\n|---|---|---|")
    for (algorithm, name), ratio in denormal_ratios().items():
        print(f"| {algorithm} | {name} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
