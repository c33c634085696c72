"""Worker processes, one for each library, which take turns."""

import importlib
import json
import os
import resource
import statistics
import subprocess
import sys
import time

__all__ = ["Worker", "serve", "timed"]

LOADERS = {  # library -> module and function
    "cnnrs": ("compare.cnnrs_work", "load"),
    "cnnrs-avx2": ("compare.cnnrs_work", "load"),
    "torch": ("compare.torch_work", "load"),
    "onnxruntime": ("compare.runtime_work", "load_onnxruntime"),
    "openvino": ("compare.runtime_work", "load_openvino"),
}
STEPS = 5  # training steps of a memory measurement
PAUSE = 0.1  # seconds before a sample, in which threads of the previous library stop spinning


def timed(work):
    """Return the seconds of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def disturbance():
    """Return the processor seconds that all other processes have used so far."""
    with open("/proc/stat") as file:
        user, nice, system = (int(word) for word in file.readline().split()[1:4])
    own = os.times()
    return (user + nice + system) / os.sysconf("SC_CLK_TCK") - own.user - own.system


def resident():
    """Return the resident memory of this process in bytes."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def sample(work):
    """Return the median time of calls in a tenth of a second, and whether it was undisturbed.

    It is disturbed if other processes used more than a tenth of a core.
    """
    time.sleep(PAUSE)
    before, start = disturbance(), time.perf_counter()
    seconds = []
    while time.perf_counter() - start < 0.1 or len(seconds) < 3:
        seconds.append(timed(work))
    elapsed = time.perf_counter() - start
    return {
        "seconds": statistics.median(seconds),
        "clean": disturbance() - before < 0.1 * elapsed + 0.01,
    }


def memory(load, kind, key):
    """Return the peak resident memory of some steps, and the memory before them.

    A step of a tiny model comes first, since it loads the library.
    """
    load(kind, ("lenet5", 1))[0]()
    before = resident()
    work, _ = load(kind, key)
    for _ in range(STEPS):
        work()
    return {"before": before, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}


def serve(library):
    """Answer the requests of a `Worker`: load, sample, measure memory, save a result."""
    module, function = LOADERS[library]
    load = getattr(importlib.import_module(module), function)
    work = result = None
    for line in sys.stdin:
        request = json.loads(line)
        answer = None
        key = tuple(request.get("key", ()))
        if request["do"] == "load":
            work = result = None
            work, result = load(request["kind"], key)
            work()
        elif request["do"] == "sample":
            answer = sample(work)
        elif request["do"] == "memory":
            answer = memory(load, request["kind"], key)
        elif request["do"] == "save":
            import numpy as np

            np.save(request["file"], result())
        print(json.dumps(answer), flush=True)


class Worker:
    """One library in its own process."""

    def __init__(self, library, python):
        command = [
            python,
            os.path.join(os.path.dirname(__file__), os.pardir, "compare_torch.py"),
            "--worker",
            library,
        ]
        path = {"CNNRS_SIMD": "avx2"} if library == "cnnrs-avx2" else {}
        self.process = subprocess.Popen(
            command, env=os.environ | path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, **request):
        """Send a request and wait for the answer."""
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("a worker died; see its message above")
        return json.loads(line)

    def close(self):
        """End the process."""
        self.process.stdin.close()
        self.process.wait()
