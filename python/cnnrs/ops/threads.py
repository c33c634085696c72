"""The kernels' threads, and what the CPU lets them use.

Results do not depend on the number of threads: not in one bit. The pool is private to cnnrs and to
the process; after a fork the child simply works.
"""

from cnnrs import _core
from cnnrs._arguments import counter, flag
from cnnrs.errors import ArgumentError


def set_num_threads(count: int) -> None:
    """Sets how many threads the kernels use, the calling thread included.

    Parameters
    ----------
    count : int
        At least 1. At start it is ``$CNNRS_NUM_THREADS``, else the CPUs that this process may use
        (affinity and cgroup quota).

    Raises
    ------
    ArgumentError
        For less than 1, or more than any machine has.

    Examples
    --------
    >>> from cnnrs import ops
    >>> before = ops.get_num_threads()
    >>> ops.set_num_threads(2)
    >>> ops.get_num_threads()
    2
    >>> ops.set_num_threads(before)
    """
    count = counter("count", count, 31)
    if count == 0:
        raise ArgumentError("count: expected at least 1 thread, got 0")
    _core.set_num_threads(count)


def get_num_threads() -> int:
    """How many threads the kernels use, the calling thread included.

    Examples
    --------
    >>> from cnnrs import ops
    >>> ops.get_num_threads() >= 1
    True
    """
    return _core.get_num_threads()


def simd_level() -> str:
    """Name of the SIMD path that the kernels chose at start: ``"portable"``, ``"avx2"``,
    ``"avx512"`` or ``"neon"``.

    ``$CNNRS_SIMD`` asks for a particular one.

    Examples
    --------
    >>> from cnnrs import ops
    >>> ops.simd_level() in {"portable", "avx2", "avx512", "neon"}
    True
    """
    return _core.simd_level()


def cpu_features() -> list[str]:
    """Names of the CPU features that the kernels know and found.

    Examples
    --------
    >>> from cnnrs import ops
    >>> isinstance(ops.cpu_features(), list)
    True
    """
    return _core.cpu_features()


def set_winograd(enabled: bool) -> None:
    """Allows or forbids Winograd convolution, which is faster and rounds a little more.

    Without it every convolution multiplies directly: integer-valued data then comes out exact, and
    a non-finite value touches only the outputs that it enters.

    Parameters
    ----------
    enabled : bool
        At start True, unless ``$CNNRS_WINOGRAD`` is ``off``.

    Raises
    ------
    DTypeError
        For anything but a bool.

    References
    ----------
    A. Lavin and S. Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016.

    Examples
    --------
    >>> from cnnrs import ops
    >>> before = ops.get_winograd()
    >>> ops.set_winograd(False)
    >>> ops.get_winograd()
    False
    >>> ops.set_winograd(before)
    """
    _core.set_winograd(flag("enabled", enabled))


def get_winograd() -> bool:
    """Whether Winograd convolution may be chosen.

    Examples
    --------
    >>> from cnnrs import ops
    >>> isinstance(ops.get_winograd(), bool)
    True
    """
    return _core.get_winograd()
