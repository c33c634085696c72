"""Measure the cost of a call, and of denormal numbers: ``python benches/small_work.py``.

The first table has the microseconds of a call from Python on arrays so small that the work itself
is nothing: the compiled function alone, and the function of `cnnrs.ops` around it, which checks its
arguments. The calls take turns; each figure is the minimum of several rounds. The second table has
the time of a convolution of numbers around 1e-40, which a CPU may handle slowly, divided by the
time of the same convolution of normal numbers: the median of the ratios of alternating calls.
"""

import statistics
import time

import numpy as np

from cnnrs import _core, ops

ROUNDS, CALLS = 15, 2000


def seconds(function, calls=1):
    """Return the seconds of one call, averaged over consecutive calls."""
    start = time.perf_counter()
    for _ in range(calls):
        function()
    return (time.perf_counter() - start) / calls


def call_costs():
    """Return the microseconds of each call by name."""
    x, weight = np.ones((1, 4, 4, 4), np.float32), np.ones((3, 3, 4, 4), np.float32)
    a, b, out, product = (
        np.ones((2, 3), np.float32),
        np.ones((3, 2), np.float32),
        np.empty_like(x),
        np.empty((2, 2), np.float32),
    )
    geometry = ops.Conv2dGeometry((4, 4, 4), (3, 3, 4, 4), padding=1)
    handle, kernel = geometry.handle, _core.conv2d_forward
    calls = {
        "_core.relu_forward": lambda: _core.relu_forward(x, out),
        "ops.relu": lambda: ops.relu(x, out=out),
        "ops.matmul": lambda: ops.matmul(a, b, out=product),
        "_core.conv2d_forward": lambda: kernel(handle, x, weight, None, out, False, False, None),
        "ops.conv2d, geometry=": lambda: ops.conv2d(x, weight, geometry=geometry, out=out),
        "ops.conv2d, padding=": lambda: ops.conv2d(x, weight, padding=1, out=out),
    }
    costs = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            costs[name].append(1e6 * seconds(call, CALLS))
    return {name: min(values) for name, values in costs.items()}


def denormal_ratios():
    """Return the ratio by algorithm, with a denormal input, and with denormal weights as well."""
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
    print("\n| algorithm | denormal | time, divided by the time of normal numbers |\n|---|---|---|")
    for (algorithm, name), ratio in denormal_ratios().items():
        print(f"| {algorithm} | {name} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
