"""The same bits at any thread count; fork; Ctrl-C; the number of threads."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

from cnnrs import ops
from cnnrs.errors import ArgumentError, CnnrsError, DTypeError

COUNTS = (1, 2, 3, 8)


def big(rng, *shape):
    return rng.standard_normal(shape).astype(np.float32)


def calls(rng):
    """Every kernel on enough work to be shared out."""
    x, weight, bias, grad = (
        big(rng, 9, 33, 31, 24),
        big(rng, 3, 3, 24, 40),
        big(rng, 40),
        big(rng, 9, 33, 31, 40),
    )
    wide, deep = big(rng, 5, 3, 3, 256), big(rng, 3, 3, 256, 128)
    wide_grad = big(rng, 5, 3, 3, 128)
    rows, labels = big(rng, 20_011, 10), rng.integers(0, 10, 20_011)
    y, places = ops.max_pool2d(x, 3, stride=2)
    pooled = big(rng, *y.shape)
    flat = big(rng, 1_000_003)
    return {
        "matmul": lambda: ops.matmul(rows, big(np.random.default_rng(1), 10, 300)),
        "matmul_long": lambda: ops.matmul(rows, rows, transpose_a=True),
        "conv2d": lambda: ops.conv2d(x, weight, bias, padding=1, activation="relu"),
        "conv2d_5x5": lambda: ops.conv2d(x, big(np.random.default_rng(1), 5, 5, 24, 16), padding=2),
        "conv2d_strided": lambda: ops.conv2d(x, weight, bias, stride=2),
        "conv2d_depthwise": lambda: ops.conv2d(
            x, big(np.random.default_rng(1), 3, 3, 1, 24), padding=1, groups=24
        ),
        "conv2d_deep": lambda: ops.conv2d(wide, deep, padding=1),
        "conv2d_backward_input": lambda: ops.conv2d_backward_input(
            grad, weight, x.shape, padding=1
        ),
        "conv2d_backward_weight": lambda: ops.conv2d_backward_weight(grad, x, 3, padding=1),
        "conv2d_backward_weight_deep": lambda: ops.conv2d_backward_weight(
            wide_grad, wide, 3, padding=1
        ),
        "conv2d_backward_bias": lambda: ops.conv2d_backward_bias(grad),
        "max_pool2d": lambda: ops.max_pool2d(x, 3, stride=2)[0],
        "max_pool2d_backward": lambda: ops.max_pool2d_backward(pooled, places, x.shape),
        "max_pool2d_backward_window": lambda: ops.max_pool2d_backward(
            pooled, places, x.shape, kernel_size=3, stride=2
        ),
        "average_pool2d": lambda: ops.average_pool2d(x, 3, stride=2),
        "average_pool2d_backward": lambda: ops.average_pool2d_backward(
            pooled, x.shape, 3, stride=2
        ),
        "lp_pool2d": lambda: ops.lp_pool2d(x, 3, stride=2),
        "lp_pool2d_backward": lambda: ops.lp_pool2d_backward(
            pooled, x, ops.lp_pool2d(x, 3, stride=2), 3, stride=2
        ),
        "global_average_pool2d": lambda: ops.global_average_pool2d(x),
        "sigmoid": lambda: ops.sigmoid(flat),
        "tanh": lambda: ops.tanh(flat),
        "softmax": lambda: ops.softmax(rows),
        "cross_entropy": lambda: np.array(ops.cross_entropy(rows, labels)),
        "cross_entropy_backward": lambda: ops.cross_entropy_backward(rows, labels),
        "half_sum_of_squares": lambda: np.array(ops.half_sum_of_squares(flat, flat[::-1])),
        "dropout": lambda: ops.dropout(flat, 0.5, seed=1),
        "random_uniform": lambda: ops.random_uniform(flat.shape, seed=1),
        "sgd_step": lambda: stepped(flat),
    }


def stepped(flat):
    weight, velocity = flat.copy(), flat[::-1].copy()
    ops.sgd_step(weight, flat, velocity, learning_rate=0.1, momentum=0.9, weight_decay=1e-3)
    return weight


@pytest.mark.usefixtures("thread_count")
def test_the_same_bits_at_any_thread_count(rng):
    results = {}
    operations = calls(rng)
    for count in COUNTS:
        ops.set_num_threads(count)
        for name, call in operations.items():
            result = call().tobytes()
            assert results.setdefault(name, result) == result, (
                f"{name}: {count} threads give other bits than {COUNTS[0]}"
            )


@pytest.mark.usefixtures("thread_count")
def test_number_of_threads():
    for count in COUNTS:
        ops.set_num_threads(count)
        assert ops.get_num_threads() == count
    for bad in (0, -1, 10**9, 2**70):
        with pytest.raises(ArgumentError):
            ops.set_num_threads(bad)
    for bad in (1.5, True, "2", None):
        with pytest.raises(DTypeError):
            ops.set_num_threads(bad)
    assert ops.get_num_threads() == COUNTS[-1]


def test_winograd_switch():
    before = ops.get_winograd()
    try:
        for value in (True, False):
            ops.set_winograd(value)
            assert ops.get_winograd() is value
        assert "winograd" not in ops.conv2d_algorithm((64, 56, 56, 64), (3, 3, 64, 64), padding=1)
        with pytest.raises(DTypeError):
            ops.set_winograd("off")
    finally:
        ops.set_winograd(before)


def test_machine():
    assert ops.simd_level() in {"portable", "avx2", "avx512", "neon"}
    assert all(isinstance(feature, str) for feature in ops.cpu_features())


def run(code, **environment):
    command = [sys.executable, "-c", textwrap.dedent(code)]
    return subprocess.run(
        command,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.slow
def test_environment_sets_the_threads():
    result = run("from cnnrs import ops; print(ops.get_num_threads())", CNNRS_NUM_THREADS="3")
    assert (result.returncode, result.stdout.strip()) == (0, "3"), result.stderr
    for nonsense in ("0", "many", "-2", ""):
        result = run(
            "from cnnrs import ops; print(ops.get_num_threads())", CNNRS_NUM_THREADS=nonsense
        )
        assert result.returncode == 0, result.stderr
        assert int(result.stdout) >= 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
def test_a_forked_child_works():
    result = run(
        """
        import os, sys, warnings
        import numpy as np
        from cnnrs import ops
        warnings.simplefilter("ignore")  # Python warns of any fork with threads alive
        ops.set_num_threads(3)
        rng = np.random.default_rng(0)
        x = rng.standard_normal((8, 64, 64, 16)).astype("f")
        w = rng.standard_normal((3, 3, 16, 32)).astype("f")
        expected = ops.conv2d(x, w)
        for _ in range(3):
            pid = os.fork()
            if pid == 0:
                good = np.array_equal(ops.conv2d(x, w), expected) and ops.get_num_threads() == 3
                os._exit(0 if good else 1)
            _, status = os.waitpid(pid, 0)
            assert status == 0, status
            assert np.array_equal(ops.conv2d(x, w), expected)
        print("done")
        """
    )
    assert result.stdout.strip() == "done", result.stderr


@pytest.mark.timing
@pytest.mark.parametrize("threads", ["1", "2"])
def test_ctrl_c_answers_inside_one_long_operation(threads):
    code = """
    import sys, time
    import numpy as np
    from cnnrs import ops
    x, w = np.ones((8, 136, 136, 128)), np.ones((7, 7, 128, 128))
    out = np.zeros((8, 130, 130, 128))
    print("ready", flush=True)
    try:
        while True:
            ops.conv2d(x, w, out=out)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    assert ops.conv2d(np.ones((1, 3, 3, 1)), np.ones((3, 3, 1, 1))).item() == 9
    print("still working", flush=True)
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=os.environ | {"CNNRS_NUM_THREADS": threads},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().strip() == "ready"
            time.sleep(0.5)
            sent = time.monotonic()
            process.send_signal(signal.SIGINT)
            assert process.stdout.readline().strip() == "interrupted"
            assert time.monotonic() - sent < 1.0
            assert process.stdout.readline().strip() == "still working"
            assert process.wait(timeout=10) == 0
        finally:
            process.kill()


def test_several_python_threads_at_once(rng):
    x, weight = big(rng, 4, 32, 32, 16), big(rng, 3, 3, 16, 32)
    expected = ops.conv2d(x, weight)
    failures = []

    def work():
        for _ in range(10):
            if not np.array_equal(ops.conv2d(x, weight), expected):
                failures.append("other bits")

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not failures


def test_the_floating_point_state_of_the_caller_is_kept(rng):
    tiny = np.full(100_000, 1e-40, np.float32)
    for call in (
        lambda: ops.relu(tiny),
        lambda: ops.matmul(tiny[:9].reshape(3, 3), tiny[:9].reshape(3, 3)),
        lambda: ops.conv2d(tiny.reshape(10, 100, 100, 1), np.ones((3, 3, 1, 8), np.float32)),
        lambda: ops.softmax(tiny.reshape(-1, 10)),
    ):
        assert np.all(np.abs(call()) <= 1)
        assert (tiny * np.float32(0.5) > 0).all(), "denormals must survive outside of the kernels"


def test_an_error_leaves_the_library_working(rng):
    x, weight = big(rng, 1, 8, 8, 3), big(rng, 3, 3, 3, 4)
    expected = ops.conv2d(x, weight)
    for _ in range(3):
        with pytest.raises(CnnrsError):
            ops.conv2d(x, weight[:, :, :2])
        np.testing.assert_array_equal(ops.conv2d(x, weight), expected)
