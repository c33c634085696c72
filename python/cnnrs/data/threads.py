"""Work done ahead in threads, handed over in order, with a bounded number of results waiting.

Threads live from the first result to the last: they are started by the iteration and joined when it
ends, is abandoned or is interrupted, so none is alive between two iterations. A child made by
`os.fork` in the middle of one does the rest by itself.
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
    """Return the number of threads to decode with: the processors this process may use, at most 8."""
    affinity = getattr(os, "sched_getaffinity", None)
    count = len(affinity(0)) if affinity is not None else os.cpu_count() or 1
    return min(MAX_THREADS, count)


def map_ahead(
    function: Callable[[Task], Result], tasks: Iterable[Task], *, threads: int, ahead: int
) -> Generator[Result, None, None]:
    """Yield ``function(task)`` for each task in order, with up to `ahead` further ones being
    computed meanwhile.

    Parameters
    ----------
    function : callable
        Called in one of the threads.
    tasks : iterable
        Read by the calling thread, no further than `ahead` tasks beyond the result last taken.
    threads : int
        0 does the work in the calling thread, when the result is asked for.
    ahead : int
        At least 1 where `threads` is not 0.

    Yields
    ------
    object
        The results, in the order of the tasks. What `function` raises is raised here, in its turn.

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
