"""Well-known data sets of small images, ready to train on.

`load_digits` needs no files and no network. The files of the others are searched in ``data_dir=``,
the folder ``$CNNRS_DATA``, the cache folder, and last on the network (extra ``datasets``), where
the hash of every file is checked. All loaders return a `Dataset`: images uint8 of shape ``(n,
height, width, channels)``, 0..255, and labels int64.
"""

import os

from cnnrs import _arguments, _renamed
from cnnrs.datasets.cifar10 import load_cifar10
from cnnrs.datasets.dataset import Dataset
from cnnrs.datasets.digits import load_digits
from cnnrs.datasets.idx import read_idx
from cnnrs.datasets.mnist import load_fashion_mnist, load_mnist
from cnnrs.datasets.storage import cache_dir
from cnnrs.errors import ArgumentError

__all__ = [
    "Dataset",
    "cache_dir",
    "load",
    "load_cifar10",
    "load_digits",
    "load_fashion_mnist",
    "load_mnist",
    "names",
    "read_idx",
]

_LOADERS = {"mnist": load_mnist, "fashion-mnist": load_fashion_mnist, "cifar10": load_cifar10}


def names() -> tuple[str, ...]:
    """Return the names that `load` knows.

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> names()
    ('digits', 'mnist', 'fashion-mnist', 'cifar10')
    """
    return ("digits", *_LOADERS)


@_renamed.keywords()
def load(
    name: str, data_dir: str | os.PathLike[str] | None = None, *, download: bool = True
) -> Dataset:
    """Load a data set by its name.

    Parameters
    ----------
    name : {"digits", "mnist", "fashion-mnist", "cifar10"}
        Name of the data set.
    data_dir : str or path-like, optional
        The folder to look in first; not used by ``"digits"``, which is part of the package.
    download : bool
        Whether the network may be used.

    Returns
    -------
    Dataset

    Raises
    ------
    ArgumentError
        If there is no such data set.
    FileNotFoundError, FormatError
        As in the loader of that name.

    Examples
    --------
    >>> load("digits").num_classes
    10
    """
    _arguments.flag("download", download)
    if name == "digits":
        return load_digits()
    if name not in _LOADERS:
        raise ArgumentError(f"name: expected one of {', '.join(map(repr, names()))}, got {name!r}")
    return _LOADERS[name](data_dir, download=download)
