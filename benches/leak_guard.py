"""Cost of the leak guard: ``python benches/leak_guard.py [--threads N]``.

Trains LeNet-5 on batches of 64 images of 28 x 28 pixels. In every round it takes one step without
and one step with the leak guard, which hashes the images of the batch as in the first epoch of
`Trainer.fit`, and compares their times. The table gives medians over all rounds: the time of a
step, the time of the hashes, and the ratio of a step with the guard to a step without it. It also
gives the time to find one batch among 60,000 images, as `Trainer.evaluate` does. With ``--cpu`` it
measures processor time, which depends less on what else the machine does.
"""

import argparse
import statistics
import time

import numpy as np

import cnnrs
from cnnrs.trainer.leak_guard import LeakGuard

ROUNDS, BATCH, IMAGES = 400, 64, 60_000


def seconds(function, clock):
    """Return the time of one call."""
    start = clock()
    function()
    return clock() - start


def measure(clock):
    """Return the median times of a step, of a step with hashes, of hashes and of a look-up."""
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (IMAGES, 28, 28, 1)).astype(np.float32) / np.float32(255)
    labels = random.integers(0, 10, IMAGES)
    model = cnnrs.zoo.create("lenet5", input_shape=(28, 28, 1), num_classes=10)
    trainer = cnnrs.Trainer(model, optimizer=cnnrs.optimizers.SGD(0.01, momentum=0.9))
    guard, known = LeakGuard(), LeakGuard()
    known.remember(images)
    times = {"step": [], "step and hashes": [], "hashes": [], "look-up": []}
    for number in range(ROUNDS + 20):
        start = number * BATCH % (IMAGES - BATCH)
        x, y = images[start : start + BATCH], labels[start : start + BATCH]

        def step(x=x, y=y):
            trainer.train_step(x, y)

        def guarded(x=x, y=y):
            guard.remember(x)
            trainer.train_step(x, y)

        calls = {
            "step": step,
            "step and hashes": guarded,
            "hashes": lambda x=x: guard.remember(x),
            "look-up": lambda x=x: known.count(x),
        }
        names = list(calls) if number % 2 else list(calls)[::-1]
        for name in names:
            duration = seconds(calls[name], clock)
            if number >= 20:  # the first rounds warm up
                times[name].append(duration)
    ratio = statistics.median(
        guarded / plain
        for guarded, plain in zip(times["step and hashes"], times["step"], strict=True)
    )
    return {name: statistics.median(values) for name, values in times.items()}, ratio


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, help="by default all")
    parser.add_argument("--cpu", action="store_true", help="measure processor time")
    options = parser.parse_args()
    if options.threads:
        cnnrs.set_num_threads(options.threads)
    times, ratio = measure(time.process_time if options.cpu else time.perf_counter)
    print(f"cnnrs {cnnrs.ops.simd_level()}, {cnnrs.ops.get_num_threads()} threads\n")
    print("| one batch of 64 images | microseconds |\n|---|---|")
    for name, duration in times.items():
        print(f"| {name} | {1e6 * duration:.0f} |")
    print(f"\nA step with the leak guard takes {ratio:.3f} times as long as one without it.")


if __name__ == "__main__":
    main()
