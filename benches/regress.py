"""Compare two builds of cnnrs: ``python benches/regress.py OLD_PYTHON NEW_PYTHON``.

Each argument is the Python of a virtual environment with one of the builds installed. Both run the
rows of `compare_torch.py` in worker processes that take turns, so that both meet the same machine.
The table gives the median time of each build and the ratio new / old; a ratio above 1 is a slower
new build. The exit status is 1 if a row is slower by more than the threshold.
"""

import argparse
import statistics
import sys

from compare.process import Worker
from compare.rows import all_rows

HEADER = "| work | old, ms | new, ms | new / old | samples |\n|---|---|---|---|---|"


def medians(workers, row, samples):
    """Return the median seconds of each worker and the number of undisturbed samples."""
    for worker in workers:
        worker.ask(do="load", kind=row.kind, key=row.key)
    kept = []
    for turn in range(4 * samples):
        order = workers if turn % 2 == 0 else workers[::-1]
        answers = {id(worker): worker.ask(do="sample") for worker in order}
        if all(answer["clean"] for answer in answers.values()):
            kept.append([answers[id(worker)]["seconds"] for worker in workers])
        if len(kept) == samples:
            break
    return [statistics.median(column) for column in zip(*kept, strict=True)], len(kept)


def main():
    """Measure all rows, print the table and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("old", help="the Python that has the old build")
    parser.add_argument("new", help="the Python that has the new build")
    parser.add_argument("--samples", type=int, default=5)
    parser.add_argument("--only", default="", help="rows whose label contains this text")
    parser.add_argument("--threshold", type=float, default=0.05, help="how much slower is too slow")
    arguments = parser.parse_args()
    pairs = {}
    slower, ratios = [], []
    print(HEADER)
    for row in all_rows():
        if row.kind == "memory" or arguments.only not in row.label:
            continue
        if row.ours not in pairs:
            pairs[row.ours] = [
                Worker(row.ours, python) for python in (arguments.old, arguments.new)
            ]
        seconds, kept = medians(pairs[row.ours], row, arguments.samples)
        if not kept:
            print(f"| {row.label} | no undisturbed sample | | | 0 |", flush=True)
            continue
        old, new = seconds
        ratios.append(new / old)
        print(
            f"| {row.label} | {1e3 * old:.3f} | {1e3 * new:.3f} | {new / old:.3f} | {kept} |",
            flush=True,
        )
        if new / old > 1 + arguments.threshold:
            slower.append(row.label)
    if ratios:
        print(f"\ngeometric mean of new / old: {statistics.geometric_mean(ratios):.3f}")
    if slower:
        print(f"slower by more than {arguments.threshold:.0%}: {'; '.join(slower)}")
    return 1 if slower else 0


if __name__ == "__main__":
    sys.exit(main())
