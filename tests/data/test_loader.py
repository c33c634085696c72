"""Batches: every sample once, orders fixed by seed and epoch, threads that come and go."""

import os
import signal
import threading
import time

import numpy as np
import pytest

from cnnrs.data import FileSource, Loader, Subset, from_arrays
from cnnrs.data.threads import map_ahead
from cnnrs.errors import ArgumentError, CnnrsError, DTypeError, ShapeError


class Slow(FileSource):
    """Samples that take a moment, as files do."""

    def __init__(self, count, pause=0.0, fail_at=None):
        self.count, self.pause, self.fail_at = count, pause, fail_at
        self.labels = np.arange(count) % 3
        self.reading = 0
        self.most = 0
        self.started = 0
        self.lock = threading.Lock()

    def __len__(self):
        return self.count

    def read(self, index):
        with self.lock:
            self.started += 1
            self.reading += 1
            self.most = max(self.most, self.reading)
        time.sleep(self.pause)
        with self.lock:
            self.reading -= 1
        if index == self.fail_at:
            raise RuntimeError(f"sample {index} failed")
        return np.full((2, 2, 1), index % 256, dtype=np.uint8), index


class Minimal:
    """The whole protocol: a length and an item."""

    def __len__(self):
        return 7

    def __getitem__(self, index):
        return np.full((1,), index, dtype=np.float32), index


def data_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("cnnrs-data")]


def targets(loader):
    return [y.tolist() for _, y in loader]


def test_sixty_thousand_in_batches_of_128_are_469():
    loader = Loader((np.zeros((60_000, 1), np.uint8), np.arange(60_000)), 128, shuffle=True)
    assert len(loader) == 469
    batches = targets(loader)
    assert len(batches) == 469
    assert [len(batch) for batch in batches] == [128] * 468 + [96]
    seen = np.concatenate(batches)
    assert np.array_equal(np.sort(seen), np.arange(60_000))
    assert not np.array_equal(seen, np.arange(60_000))
    assert (
        len(Loader((np.zeros((60_000, 1), np.uint8), np.arange(60_000)), 128, drop_last=True))
        == 468
    )


@pytest.mark.parametrize("threads", [0, 1, 2, 5])
@pytest.mark.parametrize("kind", ["files", "minimal", "arrays"])
def test_any_number_of_threads_gives_the_same_batches(threads, kind):
    source = {
        "files": Slow(23),
        "minimal": Minimal(),
        "arrays": from_arrays(np.arange(23.0)[:, None], np.arange(23)),
    }[kind]
    loader = Loader(source, 6, shuffle=True, seed=9, threads=threads)
    order = loader.order(0)
    batches = list(loader)
    assert [y.tolist() for _, y in batches] == [
        order[k : k + 6].tolist() for k in range(0, len(source), 6)
    ]
    for x, y in batches:
        assert x.reshape(len(x), -1)[:, 0].tolist() == y.tolist()
        assert y.dtype == np.int64
    assert not data_threads()


def test_order_is_a_function_of_seed_and_epoch():
    data = (np.zeros((100, 1)), np.arange(100))
    loader = Loader(data, 100, shuffle=True, seed=1)
    first, second = targets(loader), targets(loader)
    assert first != second  # an epoch read to its end moves on
    loader.set_epoch(0)
    assert targets(loader) == first
    assert loader.epoch == 1
    assert targets(Loader(data, 100, shuffle=True, seed=1)) == first
    assert targets(Loader(data, 100, shuffle=True, seed=2)) != first
    assert targets(Loader(data, 100)) == [list(range(100))]
    loader.set_epoch(5)
    next(iter(loader))
    assert loader.epoch == 5  # left early


def test_order_is_the_same_on_every_machine():
    # Philox 4x64-10 with key (seed, epoch) and the counter's top word 0x53485546; the argsort of
    # its first words.
    words = np.random.Philox(
        key=np.array([7, 3], np.uint64), counter=np.array([0, 0, 0, 0x53485546], np.uint64)
    ).random_raw(10)
    loader = Loader((np.zeros((10, 1)), np.arange(10)), 10, shuffle=True, seed=7)
    assert loader.order(3).tolist() == sorted(range(10), key=lambda k: words[k])
    assert loader.order(3).tolist() == [0, 7, 4, 3, 1, 2, 9, 5, 8, 6]


def test_an_epoch_goes_on_where_it_stopped():
    source = Slow(20)
    loader = Loader(source, 3, shuffle=True)
    whole = targets(loader.batches(4))
    source.started = 0
    assert targets(loader.batches(4, start=5)) == whole[5:]
    assert source.started == 5  # nothing before the fifth batch was read


def test_balanced_sampling_gives_each_class_the_same():
    labels = np.repeat([0, 1, 2], [80, 15, 5])
    loader = Loader((np.arange(100)[:, None], labels), 10, balanced=True, seed=3)
    order = loader.order(0)
    assert np.bincount(labels[order]).tolist() == [34, 33, 33]
    used = np.bincount(order, minlength=100)
    assert used[:80].max() == 1  # the large class: a part, each once
    assert set(used[80:95]) == {2, 3}
    assert set(used[95:]) == {6, 7}
    assert set(loader.order(1)[labels[loader.order(1)] == 0]) != set(order[labels[order] == 0])
    assert not np.array_equal(labels[order], np.sort(labels[order]))


def test_weighted_sampling_follows_the_weights():
    weights = np.array([0.0, 1.0, 3.0, 0.0])
    count = 4000
    loader = Loader((np.zeros((count, 1)), np.arange(count)), 10, weights=np.resize(weights, count))
    kind = loader.order(0) % 4
    assert set(kind) == {1, 2}
    assert abs((kind == 2).mean() - 0.75) < 0.03  # more than four standard deviations
    assert not np.array_equal(loader.order(0), loader.order(1))
    for bad, error in (
        ([1.0], ShapeError),
        (np.full(count, -1.0), ArgumentError),
        (np.zeros(count), ArgumentError),
    ):
        with pytest.raises(error, match="weights"):
            Loader((np.zeros((count, 1)), np.arange(count)), weights=bad)


def test_transform_gets_what_makes_it_repeatable():
    calls = []

    def double(x, *, labels, indices, epoch, seed):
        calls.append((indices.tolist(), epoch, seed))
        return x * 2, labels + 1

    loader = Loader((np.arange(4)[:, None], np.arange(4)), 2, transform=double, seed=11)
    loader.set_epoch(6)
    assert [(x[:, 0].tolist(), y.tolist()) for x, y in loader] == [
        ([0, 2], [1, 2]),
        ([4, 6], [3, 4]),
    ]
    assert calls == [([0, 1], 6, 11), ([2, 3], 6, 11)]
    with pytest.raises(ShapeError, match="transform"):
        list(Loader((np.zeros((4, 1)), np.arange(4)), transform=lambda x, **_: x))


def test_reading_ahead_is_bounded_and_parallel():
    source = Slow(200, pause=0.001)
    loader = Loader(source, 8, threads=3, prefetch=2)
    iterator = iter(loader)
    next(iterator)
    time.sleep(0.2)
    assert source.started <= 8 * (1 + 2) + 4
    assert 1 < source.most <= 3
    iterator.close()
    assert not data_threads()


def test_a_failure_in_a_thread_reaches_the_caller_in_its_turn():
    source = Slow(40, fail_at=17)
    seen = []
    with pytest.raises(RuntimeError, match="sample 17"):
        seen.extend(y.tolist() for _, y in Loader(source, 5, threads=2))
    assert seen == [[*range(5)], [*range(5, 10)], [*range(10, 15)]]
    assert not data_threads()


@pytest.mark.timing
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs POSIX timers")
def test_ctrl_c_answers_soon_and_leaves_no_thread():
    signal.setitimer(signal.ITIMER_REAL, 0.15)
    previous = signal.signal(signal.SIGALRM, signal.default_int_handler)
    start = time.perf_counter()
    try:
        with pytest.raises(KeyboardInterrupt):
            for _ in Loader(Slow(10_000, pause=0.03), 64, threads=2):
                pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert time.perf_counter() - start < 1.0
    assert not data_threads()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_forked_in_the_middle_reads_on():
    loader = Loader(Slow(30, pause=0.002), 4, threads=2)
    iterator = iter(loader)
    first = next(iterator)[1].tolist()
    child = os.fork()
    if child == 0:
        try:
            rest = [value for _, y in iterator for value in y.tolist()]
            again = [value for _, y in loader for value in y.tolist()]
            os._exit(0 if rest == list(range(4, 30)) and again == list(range(30)) else 1)
        finally:
            os._exit(2)
    deadline = time.time() + 20
    while (done := os.waitpid(child, os.WNOHANG)) == (0, 0) and time.time() < deadline:
        time.sleep(0.01)
    if done == (0, 0):
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert done == (child, 0)
    assert first + [value for _, y in iterator for value in y.tolist()] == list(range(30))


def test_map_ahead_reads_its_tasks_only_so_far():
    taken = []

    def tasks():
        for k in range(100):
            taken.append(k)
            yield k

    results = map_ahead(lambda k: k * k, tasks(), threads=2, ahead=3)
    assert next(results) == 0
    assert len(taken) <= 5
    results.close()


def test_malformed_calls():
    data = (np.zeros((10, 1)), np.arange(10))
    for arguments, error in (
        ({"batch_size": 0}, ArgumentError),
        ({"batch_size": 2.5}, DTypeError),
        ({"batch_size": True}, DTypeError),
        ({"prefetch": 0}, ArgumentError),
        ({"threads": -1}, ArgumentError),
        ({"seed": -1}, ArgumentError),
        ({"balanced": True, "weights": np.ones(10)}, ArgumentError),
        ({"drop_last": True, "batch_size": 11}, ShapeError),
        ({"transform": 3}, ArgumentError),
    ):
        with pytest.raises(error):
            Loader(data, **arguments)
    for wrong in (
        np.zeros(3),
        "abc",
        (1,),
        (np.zeros((2, 1)), np.zeros(3)),
        ([[1], [2, 3]], [0, 1]),
        ([], []),
        (["a"], [0]),
        5,
        None,
    ):
        with pytest.raises(CnnrsError):
            Loader(wrong)
    with pytest.raises(DTypeError, match="object"):
        from_arrays(np.array([None, 1]), [0, 1])
    with pytest.raises(IndexError):
        from_arrays(*data).batch([10])
    with pytest.raises(DTypeError):
        from_arrays(*data).batch([1.5])
    with pytest.raises(ArgumentError, match="labels"):
        Loader(Minimal(), balanced=True)


def test_subset_of_a_subset():
    part = Subset(Subset(Slow(10), [9, 8, 7]), [2, 0])
    assert targets(Loader(part, 5, threads=2)) == [[7, 9]]
    assert part.labels.tolist() == [1, 0]
    assert part[1][1] == 9
    with pytest.raises(IndexError):
        part[2]
