"""cnnrs beside PyTorch on the same shapes, in alternating processes: ``python benches/compare_torch.py --torch-python PYTHON``.

Each library runs in a worker process of its own; the workers take turns, so that both meet the same machine. A sample during which other
processes took more than a tenth of a core is dropped. For each shape the table gives the median time of each library in milliseconds, the
ratio PyTorch / cnnrs, cnnrs' effective GFLOP/s (the multiplications of the direct method), and the error of each against float64. PyTorch
is the best of NCHW and channels-last. It lives in an environment of its own (``pip install torch==2.13.0`` there) whose Python is given.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

SHAPES = [  # images, size, channels, filters, kernel, stride, padding
    (16, 56, 64, 64, 3, 1, 1),
    (16, 28, 128, 128, 3, 1, 1),
    (16, 14, 256, 256, 3, 1, 1),
    (16, 7, 512, 512, 3, 1, 1),
    (64, 32, 32, 32, 3, 1, 1),
    (64, 16, 32, 64, 5, 1, 2),
    (64, 32, 32, 32, 5, 1, 2),
    (64, 32, 3, 32, 5, 1, 2),
    (8, 224, 3, 64, 7, 2, 3),
    (16, 28, 256, 64, 1, 1, 0),
    (16, 56, 64, 256, 1, 1, 0),
    (16, 56, 64, 128, 3, 2, 1),
    (64, 28, 1, 32, 3, 1, 1),
]
MODELS = {"lenet5": (28, 28, 1), "classic": (32, 32, 3)}
BATCH = 64


def arrays(shape):
    """Input, weights and the gradient of the output of a shape, the same in every process."""
    import numpy as np

    n, size, channels, filters, kernel, stride, padding = shape
    random = np.random.default_rng(0)
    x = random.standard_normal((n, size, size, channels), dtype=np.float32)
    w = random.standard_normal((kernel, kernel, channels, filters), dtype=np.float32) / (kernel * kernel * channels) ** 0.5
    out = (size + 2 * padding - kernel) // stride + 1
    return x, w, random.standard_normal((n, out, out, filters), dtype=np.float32)


def cnnrs_work(kind, key):
    """The function to time, and for convolutions one that gives the result."""
    import numpy as np

    import cnnrs
    from cnnrs import ops

    cnnrs.set_num_threads(2)
    if kind == "step":
        random = np.random.default_rng(0)
        model = cnnrs.zoo.create(key, input_shape=MODELS[key], num_classes=10)
        trainer = cnnrs.Trainer(model, loss="cross_entropy", optimizer=cnnrs.optimizers.SGD(0.01, momentum=0.9))
        x = random.standard_normal((BATCH, *MODELS[key]), dtype=np.float32)
        y = random.integers(0, 10, BATCH)
        return lambda: trainer.train_step(x, y), None
    x, w, dy = arrays(key)
    bias = np.zeros(key[3], np.float32)
    how = {"stride": key[5], "padding": key[6]}
    y, dx, dw = np.empty_like(dy), np.empty_like(x), np.empty_like(w)
    prepared = ops.prepare_conv2d_weight(w, x.shape, **how)

    def forward():
        ops.conv2d(x, prepared, bias, activation="relu", out=y, **how)

    def both():
        ops.conv2d(x, w, None, out=y, **how)
        ops.conv2d_backward_input(dy, w, x.shape, out=dx, **how)
        ops.conv2d_backward_weight(dy, x, w.shape[:2], out=dw, **how)

    return (forward if kind == "forward" else both), lambda: ops.conv2d(x, prepared, bias, **how)


def torch_work(kind, key):
    """As `cnnrs_work`, for the faster of the two memory formats."""
    import numpy as np
    import torch

    torch.set_num_threads(2)
    functional = torch.nn.functional

    def fastest(candidates):
        def once(work):
            work()
            return min(timed(work) for _ in range(5))

        return min(candidates, key=lambda pair: once(pair[0]))

    def network(name):
        layer = torch.nn
        if name == "lenet5":
            parts = [layer.Conv2d(1, 6, 5, padding=2), layer.ReLU(), layer.MaxPool2d(2), layer.Conv2d(6, 16, 5), layer.ReLU()]
            parts += [layer.MaxPool2d(2), layer.Flatten(), layer.Linear(400, 120), layer.ReLU(), layer.Linear(120, 84), layer.ReLU()]
            return layer.Sequential(*parts, layer.Linear(84, 10))
        parts = [layer.Conv2d(3, 32, 5, padding=2), layer.ReLU(), layer.Conv2d(32, 32, 5, padding=2), layer.ReLU(), layer.MaxPool2d(2)]
        parts += [layer.Conv2d(32, 64, 5, padding=2), layer.ReLU(), layer.MaxPool2d(2), layer.Flatten(), layer.Linear(64 * 64, 10)]
        return layer.Sequential(*parts)

    candidates = []
    for layout in (torch.contiguous_format, torch.channels_last):
        if kind == "step":
            height, width, channels = MODELS[key]
            model = network(key).to(memory_format=layout)
            optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
            x = torch.randn(BATCH, channels, height, width).to(memory_format=layout)
            labels = torch.randint(0, 10, (BATCH,))

            def step(model=model, optimizer=optimizer, x=x, labels=labels):
                optimizer.zero_grad()
                functional.cross_entropy(model(x), labels).backward()
                optimizer.step()

            candidates.append((step, None))
            continue
        x, w, dy = (torch.from_numpy(a) for a in arrays(key))
        x, dy = (a.permute(0, 3, 1, 2).contiguous(memory_format=layout) for a in (x, dy))
        w = w.permute(3, 2, 0, 1).contiguous(memory_format=layout)
        bias = torch.zeros(key[3])
        how = {"stride": key[5], "padding": key[6]}

        def forward(x=x, w=w, bias=bias, how=how):
            with torch.inference_mode():
                torch.relu_(functional.conv2d(x, w, bias, **how))

        x_leaf, w_leaf = x.clone().requires_grad_(), w.clone().requires_grad_()

        def both(x=x_leaf, w=w_leaf, dy=dy, how=how):
            torch.autograd.grad(functional.conv2d(x, w, None, **how), (x, w), dy)

        def result(x=x, w=w, bias=bias, how=how):
            return np.ascontiguousarray(functional.conv2d(x, w, bias, **how).permute(0, 2, 3, 1).numpy())

        candidates.append(((forward if kind == "forward" else both), result))
    return fastest(candidates)


def timed(work):
    """Seconds of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def disturbance():
    """Seconds of processor time that all processes of the machine have used so far, and those of this one."""
    with open("/proc/stat") as file:
        user, nice, system = (int(word) for word in file.readline().split()[1:4])
    own = os.times()
    return (user + nice + system) / os.sysconf("SC_CLK_TCK") - own.user - own.system


def worker(library):
    """Answer requests: load a piece of work, take a sample, or give the error against float64."""
    load = cnnrs_work if library == "cnnrs" else torch_work
    work = result = None
    for line in sys.stdin:
        request = json.loads(line)
        answer = None
        if request["do"] == "load":
            key = request["key"]
            work, result = load(request["kind"], tuple(key) if isinstance(key, list) else key)
            work()
        elif request["do"] == "sample":
            before, start = disturbance(), time.perf_counter()
            seconds = []
            while time.perf_counter() - start < 0.1 or len(seconds) < 3:
                seconds.append(timed(work))
            elapsed = time.perf_counter() - start
            answer = {"seconds": statistics.median(seconds), "clean": disturbance() - before < 0.1 * elapsed + 0.01}
        elif request["do"] == "save":
            import numpy as np

            np.save(request["file"], result())
        print(json.dumps(answer), flush=True)


class Worker:
    """A library in a process of its own."""

    def __init__(self, library, python):
        command = [python, __file__, "--worker", library]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, **request):
        """Send a request and wait for the answer."""
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("a worker died; see its message above")
        return json.loads(line)


def measure(workers, kind, key, samples):
    """Median seconds of each library, from samples taken in turns; the number of samples that were clean for both."""
    for each in workers:
        each.ask(do="load", kind=kind, key=key)
    kept = []
    for _ in range(4 * samples):
        pair = [each.ask(do="sample") for each in workers]
        if all(sample["clean"] for sample in pair):
            kept.append([sample["seconds"] for sample in pair])
        if len(kept) == samples:
            break
    if not kept:
        return None, 0
    return [statistics.median(column) for column in zip(*kept, strict=True)], len(kept)


def errors(workers, key, folder):
    """Largest error of each library against float64, relative to the largest value."""
    import numpy as np

    from cnnrs import ops

    x, w, _ = arrays(key)
    truth = ops.conv2d(x.astype(np.float64), w.astype(np.float64), stride=key[5], padding=key[6])
    found = []
    for name, each in zip(("cnnrs", "torch"), workers, strict=True):
        file = os.path.join(folder, f"{name}.npy")
        each.ask(do="save", file=file)
        found.append(float(np.abs(np.load(file) - truth).max() / np.abs(truth).max()))
    return found


def row(workers, kind, key, samples, folder):
    """One row of the table."""
    label = f"{kind} {key if isinstance(key, str) else ','.join(map(str, key))}"
    seconds, kept = measure(workers, kind, key, samples)
    if seconds is None:
        return [label, "no clean sample"]
    ours, theirs = seconds
    cells = [label, f"{1e3 * ours:.2f}", f"{1e3 * theirs:.2f}", f"{theirs / ours:.2f}"]
    if kind == "step":
        return [*cells, "", "", "", str(kept)]
    n, size, channels, filters, kernel, stride, padding = key
    out = (size + 2 * padding - kernel) // stride + 1
    flops = 2 * n * out * out * filters * kernel * kernel * channels * (1 if kind == "forward" else 3)
    found = [f"{error:.1e}" for error in errors(workers, key, folder)] if kind == "forward" else ["", ""]
    return [*cells, f"{flops / ours / 1e9:.0f}", *found, str(kept)]


def main():
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--torch-python", default=sys.executable, help="the Python of the environment that has PyTorch")
    parser.add_argument("--samples", type=int, default=5)
    parser.add_argument("--worker", choices=["cnnrs", "torch"], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        worker(arguments.worker)
        return
    workers = [Worker("cnnrs", sys.executable), Worker("torch", arguments.torch_python)]
    print("| work | cnnrs ms | PyTorch ms | ratio | GFLOP/s | error cnnrs | error PyTorch | samples |\n|---|---|---|---|---|---|---|---|")
    work = [("step", name) for name in MODELS] + [(kind, key) for key in SHAPES for kind in ("forward", "forward+backward")]
    with tempfile.TemporaryDirectory() as folder:
        for kind, key in work:
            print("| " + " | ".join(row(workers, kind, key, arguments.samples, folder)) + " |", flush=True)


if __name__ == "__main__":
    main()
