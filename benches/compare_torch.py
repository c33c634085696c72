"""cnnrs beside PyTorch, ONNX Runtime and OpenVINO, in alternating processes: ``python
benches/compare_torch.py --torch-python PYTHON``.

Each library runs in a worker process of its own; the workers take turns, so that all meet the same
machine. A sample during which other processes took more than a tenth of a core is dropped. The
table gives the median time of cnnrs and of the fastest peer in milliseconds, the ratio peer /
cnnrs, cnnrs' effective GFLOP/s (the multiplications of the direct method), and for forward
convolutions the error of each against float64. PyTorch is the best of NCHW and channels-last. Rows
of memory give the peak of the process's resident megabytes in five training steps and, in brackets,
what that is more than it had after a step of a tiny model. The peers live in an environment of
their own (``pip install torch==2.13.0 onnx onnxruntime openvino`` there) whose Python is given.
"""

import argparse
import os
import statistics
import sys
import tempfile

from compare.process import Worker, serve
from compare.rows import all_rows, arrays

HEADER = (
    "| work | cnnrs | peer | ratio | GFLOP/s | error cnnrs | error peer | peer is | samples "
    "|\n|---|---|---|---|---|---|---|---|---|"
)


class Crew:
    """The workers, each started when it is first needed."""

    def __init__(self, torch_python):
        self.torch_python = torch_python
        self.workers = {}

    def new(self, library):
        """A fresh process of a library."""
        return Worker(library, sys.executable if library.startswith("cnnrs") else self.torch_python)

    def get(self, library):
        """The process of a library."""
        if library not in self.workers:
            self.workers[library] = self.new(library)
        return self.workers[library]


def measure(crew, row, samples):
    """Median seconds of each library, from samples taken in turns; the number of samples that were
    clean for all.
    """
    workers = [crew.get(library) for library in (row.ours, *row.peers)]
    for each in workers:
        each.ask(do="load", kind=row.kind, key=row.key)
    kept = []
    for _ in range(4 * samples):
        turn = [each.ask(do="sample") for each in workers]
        if all(sample["clean"] for sample in turn):
            kept.append([sample["seconds"] for sample in turn])
        if len(kept) == samples:
            break
    return [statistics.median(column) for column in zip(*kept, strict=True)], len(kept)


def errors(crew, row, folder):
    """Largest error of cnnrs and of the peer against float64, relative to the largest value."""
    import numpy as np

    from cnnrs import ops

    x, w, _ = arrays(row.key)
    how = {"stride": row.key[5], "padding": row.key[6], "groups": row.key[7]}
    truth = ops.conv2d(x.astype(np.float64), w.astype(np.float64), **how)
    found = []
    for library in (row.ours, row.peers[0]):
        file = os.path.join(folder, f"{library}.npy")
        crew.get(library).ask(do="save", file=file)
        found.append(float(np.abs(np.load(file) - truth).max() / np.abs(truth).max()))
    return found


def memory_cells(crew, row):
    """Megabytes beside each other, each in a fresh process: of the whole process and, in brackets,
    what the steps added.
    """
    peaks, cells = [], []
    for library in (row.ours, *row.peers):
        worker = crew.new(library)
        answer = worker.ask(do="memory", kind=row.kind, key=row.key)
        worker.close()
        peaks.append(answer["peak"])
        cells.append(
            f"{answer['peak'] / 2**20:.0f} MB ({(answer['peak'] - answer['before']) / 2**20:.0f})"
        )
    return [*cells, f"{peaks[1] / peaks[0]:.2f}", "", "", "", row.peers[0], "1"]


def time_cells(crew, row, samples, folder):
    """Milliseconds beside each other."""
    seconds, kept = measure(crew, row, samples)
    if not seconds:
        return ["no clean sample"]
    ours, theirs = seconds[0], min(seconds[1:])
    cells = [f"{1e3 * ours:.2f}", f"{1e3 * theirs:.2f}", f"{theirs / ours:.2f}"]
    cells.append(f"{row.flops / ours / 1e9:.0f}" if row.flops else "")
    cells += (
        [f"{error:.1e}" for error in errors(crew, row, folder)]
        if row.kind == "forward"
        else ["", ""]
    )
    return [*cells, row.peers[seconds[1:].index(theirs)], str(kept)]


def main():
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--torch-python",
        default=sys.executable,
        help="the Python of the environment that has PyTorch",
    )
    parser.add_argument("--samples", type=int, default=5)
    parser.add_argument("--only", default="", help="rows whose label contains this text")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        serve(arguments.worker)
        return
    crew = Crew(arguments.torch_python)
    print(HEADER)
    with tempfile.TemporaryDirectory() as folder:
        for row in all_rows():
            if arguments.only in row.label:
                cells = (
                    memory_cells(crew, row)
                    if row.kind == "memory"
                    else time_cells(crew, row, arguments.samples, folder)
                )
                print("| " + " | ".join([row.label, *cells]) + " |", flush=True)


if __name__ == "__main__":
    main()
