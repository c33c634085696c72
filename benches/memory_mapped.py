"""Compare training from a memory-mapped file with training from memory.

    python benches/memory_mapped.py --gigabytes 10

The file holds random uint8 images of 32×32×3 and is read in random order. Both sources take turns
to train `classic` at batch size 64 in the same process. A turn is a number of steps; their median
time counts. Print the images per second, their ratio, and the increase of resident memory while the
process trained from the file.
"""

import argparse
import itertools
import os
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

import cnnrs

SHAPE = (32, 32, 3)
BATCH = 64
WRITE_IMAGES = 20_000  # images written at a time


def write_file(path, images, random):
    """Write a ``.npy`` file of random images, a part at a time."""
    with open(path, "wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (images, *SHAPE)}
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, images, WRITE_IMAGES):
            file.write(random.bytes(min(WRITE_IMAGES, images - start) * int(np.prod(SHAPE))))


def resident():
    """Return the resident memory of this process in bytes."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def turn(trainer, batches, steps):
    """Return the median seconds of a step with its data, and the peak resident memory."""
    seconds, most = [], 0
    for _ in range(steps):
        start = time.perf_counter()
        trainer.train_step(*next(batches))
        seconds.append(time.perf_counter() - start)
        most = max(most, resident())
    return statistics.median(seconds), most


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=10.0, help="size of the file")
    parser.add_argument(
        "--folder", help="where the file is written; by default the folder for temporary files"
    )
    parser.add_argument("--steps", type=int, default=100, help="steps of one turn")
    parser.add_argument("--turns", type=int, default=5)
    arguments = parser.parse_args()
    random = np.random.default_rng(0)
    count = max(int(arguments.gigabytes * 2**30) // int(np.prod(SHAPE)), 1000)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        write_file(Path(folder) / "x.npy", count, random)
        np.save(Path(folder) / "y.npy", random.integers(0, 10, count))
        model = cnnrs.zoo.create("classic", preprocessing=cnnrs.layers.Rescale(1 / 255))
        trainer = cnnrs.Trainer(model, optimizer=cnnrs.optimizers.SGD(0.01, momentum=0.9))
        few = (
            random.integers(0, 256, (50_000, *SHAPE), dtype=np.uint8),
            random.integers(0, 10, 50_000),
        )
        mapped = cnnrs.data.from_memmap(Path(folder) / "x.npy", Path(folder) / "y.npy")
        sources = {"memory": few, "file": mapped}
        loaders = {
            name: cnnrs.data.Loader(source, BATCH, shuffle=True) for name, source in sources.items()
        }
        batches = {
            name: itertools.chain.from_iterable(itertools.repeat(loader))
            for name, loader in loaders.items()
        }
        turn(trainer, batches["memory"], 20)
        before = resident()
        found = {name: [] for name in batches}
        most = 0
        for _ in range(arguments.turns):
            for name, stream in batches.items():
                seconds, reached = turn(trainer, stream, arguments.steps)
                found[name].append(seconds)
                most = max(most, reached) if name == "file" else most
    rates = {name: BATCH / statistics.median(seconds) for name, seconds in found.items()}
    print(f"file of {count * int(np.prod(SHAPE)) / 2**30:.1f} GiB: {rates['file']:.0f} images/s")
    print(
        f"from memory: {rates['memory']:.0f} images/s; ratio {rates['file'] / rates['memory']:.3f}"
    )
    print(f"resident memory grew by {(most - before) / 2**20:.0f} MiB to {most / 2**20:.0f} MiB")


if __name__ == "__main__":
    main()
