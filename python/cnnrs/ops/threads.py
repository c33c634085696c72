"""The number of threads, the SIMD path, and the switch for Winograd convolution.

Results are the same in every bit for any number of threads. The thread pool is private to cnnrs and
to the process; a forked child starts its own.
"""

from cnnrs import _core
from cnnrs._arguments import counter, flag
from cnnrs.errors import ArgumentError


def set_num_threads(count: int) -> None:
    """Set the number of threads that the kernels use, including the calling thread.

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
    """Return the number of threads that the kernels use, including the calling thread.

    Returns
    -------
    int

    Examples
    --------
    >>> from cnnrs import ops
    >>> ops.get_num_threads() >= 1
    True
    """
    return _core.get_num_threads()


def simd_level() -> str:
    """Return the name of the SIMD path: ``"portable"``, ``"avx2"``, ``"avx512"`` or ``"neon"``.

    ``$CNNRS_SIMD`` asks for a particular one.

    Returns
    -------
    str

    Examples
    --------
    >>> from cnnrs import ops
    >>> ops.simd_level() in {"portable", "avx2", "avx512", "neon"}
    True
    """
    return _core.simd_level()


def cpu_features() -> list[str]:
    """Return the names of the CPU features that the kernels can use and that were found.

    Returns
    -------
    list of str
        Empty if the CPU has none of them.

    Examples
    --------
    >>> from cnnrs import ops
    >>> isinstance(ops.cpu_features(), list)
    True
    """
    return _core.cpu_features()


def set_winograd(enabled: bool) -> None:
    """Allow or forbid Winograd convolution, which is faster and has larger rounding errors.

    Without it every convolution multiplies directly. The results of integer-valued data are then
    exact, and a non-finite value affects only the outputs that it is part of.

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
    """Return whether Winograd convolution may be chosen.

    Returns
    -------
    bool

    Examples
    --------
    >>> from cnnrs import ops
    >>> isinstance(ops.get_winograd(), bool)
    True
    """
    return _core.get_winograd()
