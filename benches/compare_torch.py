"""Compare cnnrs with PyTorch, ONNX Runtime and OpenVINO.

    python benches/compare_torch.py --torch-python PYTHON

Each library runs in its own worker process. The workers take turns, so that other load on the
machine affects all of them alike. A sample is dropped if other processes used more than a tenth of
a core during it. The table gives the median time of cnnrs and of the fastest peer in milliseconds,
the ratio peer / cnnrs, the effective GFLOP/s of cnnrs (multiply-adds of the direct method), and for
forward convolutions the error of each against float64. PyTorch uses the faster of NCHW and
channels-last. Memory rows give the peak resident memory of the process in five training steps and,
in brackets, its increase since a step of a tiny model. The peers are installed in a separate
environment, whose Python is the argument: ``pip install torch==2.13.0 onnx onnxruntime openvino``.
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
    """The workers. Each is started when it is first needed."""

    def __init__(self, torch_python):
        self.torch_python = torch_python
        self.workers = {}

    def new(self, library):
        """Start another process of a library."""
        return Worker(library, sys.executable if library.startswith("cnnrs") else self.torch_python)

    def get(self, library):
        """Return the process of a library."""
        if library not in self.workers:
            self.workers[library] = self.new(library)
        return self.workers[library]


def measure(crew, row, samples):
    """Return the median seconds of each library and the number of samples.

    The libraries take turns. Only samples that were undisturbed for all of them count.
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
    """Return the largest errors of cnnrs and the peer against float64, over the largest value."""
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
    """Return the cells of a memory row.

    Each library gets a new process: its peak in megabytes and, in brackets, what the steps added.
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
    """Return the cells of a row of times."""
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
