"""Computes results ahead in threads and yields them in order, with a bounded number waiting.

The threads are started by an iteration and joined when it ends, is abandoned or is interrupted. A
child process that `os.fork` creates during an iteration computes the rest in its own thread.
"""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future

__all__ = ["decoding_threads", "map_ahead"]

Task = TypeVar("Task")
Result = TypeVar("Result")

MAX_THREADS = 8
WAIT_SECONDS = 0.2  # a wait without an end would not see Ctrl-C on Windows


def decoding_threads() -> int:
    """Return the number of decoding threads: the available processors, at most 8."""
    affinity = getattr(os, "sched_getaffinity", None)
    count = len(affinity(0)) if affinity is not None else os.cpu_count() or 1
    return min(MAX_THREADS, count)


def map_ahead(
    function: Callable[[Task], Result], tasks: Iterable[Task], *, threads: int, ahead: int
) -> Generator[Result, None, None]:
    """Yield ``function(task)`` for each task in order, and compute up to `ahead` more meanwhile.

    Parameters
    ----------
    function : callable
        Called in one of the threads.
    tasks : iterable
        Read by the calling thread, at most `ahead` tasks beyond the last result.
    threads : int
        Number of threads; 0 computes each result in the calling thread when it is requested.
    ahead : int
        At least 1 where `threads` is not 0.

    Yields
    ------
    object
        The results in the order of the tasks. An exception of `function` is raised in its turn.

    Examples
    --------
    >>> list(map_ahead(abs, [-3, 1, -2], threads=2, ahead=2))
    [3, 1, 2]
    """
    if threads == 0:
        yield from map(function, tasks)
        return
    from concurrent.futures import ThreadPoolExecutor  # slow to import

    owner = os.getpid()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="cnnrs-data")
    pending: deque[tuple[Task, Future[Result]]] = deque()
    remaining = iter(tasks)
    try:
        for task in remaining:
            if os.getpid() != owner:
                remaining = iter([task, *remaining])
                break
            pending.append((task, pool.submit(function, task)))
            if len(pending) > ahead:
                yield _take(function, pending, owner)
        while pending:
            yield _take(function, pending, owner)
        yield from map(function, remaining)  # empty, but in a forked child
    finally:
        if os.getpid() == owner:
            pool.shutdown(wait=True, cancel_futures=True)


def _take(
    function: Callable[[Task], Result], pending: "deque[tuple[Task, Future[Result]]]", owner: int
) -> Result:
    from concurrent.futures import wait

    task, future = pending.popleft()
    if os.getpid() != owner:  # the threads stayed in the parent
        return function(task)
    while not future.done():
        wait((future,), timeout=WAIT_SECONDS)
    return future.result()
