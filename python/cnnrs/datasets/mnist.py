"""MNIST and Fashion-MNIST, from their original idx files."""

import os
from pathlib import Path

import numpy as np

from cnnrs import _renamed
from cnnrs.datasets.dataset import Dataset
from cnnrs.datasets.idx import read_idx, suffixes_found
from cnnrs.datasets.storage import RemoteFile, find
from cnnrs.errors import FormatError

__all__ = ["load_fashion_mnist", "load_mnist"]

STEMS = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
MNIST_SHA256 = (
    "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
)
FASHION_SHA256 = (
    "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
)
MNIST_MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
FASHION_MIRRORS = (
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
)
# The test labels of the two, unpacked: the files have the same names, so only their content tells
# which set a folder holds.
MNIST_LABELS = "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5"
FASHION_LABELS = "3d0e6c6ea990b53b6f8f500a41cac93881d981b315f84578b7d915342ade01e9"
FASHION_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)


@_renamed.keywords()
def load_mnist(data_dir: str | os.PathLike[str] | None = None, *, download: bool = True) -> Dataset:
    """Load MNIST: 60,000 training and 10,000 test images of handwritten digits, 28 x 28, white on
    black.

    Parameters
    ----------
    data_dir : str or path-like, optional
        The folder with the four original ``.gz`` files, or with a sub-folder ``mnist``. Otherwise
        ``$CNNRS_DATA`` and the cache folder are searched, then the files are downloaded.
    download : bool
        Whether the network may be used.

    Returns
    -------
    Dataset
        Images of shape (28, 28, 1), uint8.

    Raises
    ------
    FileNotFoundError
        If the files are not found and cannot be downloaded.
    FormatError
        If a file is damaged; the message names it.

    References
    ----------
    Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document
    recognition", Proceedings of the IEEE 86 (11), 1998.

    Examples
    --------
    >>> mnist = load_mnist()                                          # doctest: +SKIP
    >>> mnist.x_train.shape                                           # doctest: +SKIP
    (60000, 28, 28, 1)
    """
    return _load(
        name="mnist",
        data_dir=data_dir,
        layouts=("mnist", "MNIST/raw", ""),
        remote=_remote(MNIST_MIRRORS, MNIST_SHA256),
        foreign=(FASHION_LABELS, "these are the files of Fashion-MNIST"),
        download=download,
        class_names=tuple("0123456789"),
        description="MNIST: handwritten digits, the official split of 60,000 training and 10,000 "
        "test images of 28x28",
        licence="commonly given as CC BY-SA 3.0 (Y. LeCun, C. Cortes, C. Burges)",
    )


@_renamed.keywords()
def load_fashion_mnist(
    data_dir: str | os.PathLike[str] | None = None, *, download: bool = True
) -> Dataset:
    """Load Fashion-MNIST: 60,000 training and 10,000 test images of clothes, 28 x 28, light on
    black.

    Parameters
    ----------
    data_dir : str or path-like, optional
        The folder with the four original ``.gz`` files, or with a sub-folder ``fashion-mnist``;
        else as in `load_mnist`.
    download : bool
        Whether the network may be used.

    Returns
    -------
    Dataset
        Images of shape (28, 28, 1), uint8.

    Raises
    ------
    FileNotFoundError, FormatError
        As in `load_mnist`.

    References
    ----------
    H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine
    learning algorithms", arXiv:1708.07747, 2017.

    Examples
    --------
    >>> load_fashion_mnist().class_names[9]                           # doctest: +SKIP
    'Ankle boot'
    """
    return _load(
        name="fashion-mnist",
        data_dir=data_dir,
        layouts=("fashion-mnist", "FashionMNIST/raw", ""),
        remote=_remote(FASHION_MIRRORS, FASHION_SHA256),
        foreign=(MNIST_LABELS, "these are the files of MNIST"),
        download=download,
        class_names=FASHION_NAMES,
        description="Fashion-MNIST: clothes, the official split of 60,000 training and 10,000 test "
        "images of 28x28",
        licence="MIT (Zalando SE)",
    )


def _remote(mirrors: tuple[str, ...], hashes: tuple[str, ...]) -> tuple[RemoteFile, ...]:
    return tuple(
        RemoteFile(
            f"{stem}.gz", f"sha256:{digest}", tuple(f"{mirror}{stem}.gz" for mirror in mirrors)
        )
        for stem, digest in zip(STEMS, hashes, strict=True)
    )


def _load(
    name: str,
    data_dir: str | os.PathLike[str] | None,
    layouts: tuple[str, ...],
    remote: tuple[RemoteFile, ...],
    foreign: tuple[str, str],
    download: bool,
    class_names: tuple[str, ...],
    description: str,
    licence: str,
) -> Dataset:
    import hashlib  # here, to keep `import cnnrs` short

    def look(folder: Path) -> list[Path] | str:
        files = [suffixes_found(folder, stem) for stem in STEMS]
        missing = [stem for stem, file in zip(STEMS, files, strict=True) if file is None]
        if missing:
            return f"no {', '.join(f'{stem}.gz' for stem in missing)}"
        found = [file for file in files if file is not None]
        return (
            foreign[1]
            if hashlib.sha256(read_idx(found[3], 1).tobytes()).hexdigest() == foreign[0]
            else found
        )

    files = find(name, data_dir, layouts, look, remote, download)
    images = [read_idx(files[0], 3), read_idx(files[2], 3)]
    labels = [read_idx(files[1], 1), read_idx(files[3], 1)]
    for file, image in zip((files[0], files[2]), images, strict=True):
        if image.shape[1:] != (28, 28):
            raise FormatError(
                f"{file}: expected images of 28x28, got {image.shape[1]}x{image.shape[2]}"
            )
    return Dataset(
        name=name,
        x_train=images[0][..., np.newaxis],
        y_train=labels[0].astype(np.int64),
        x_test=images[1][..., np.newaxis],
        y_test=labels[1].astype(np.int64),
        class_names=class_names,
        description=description,
        licence=licence,
        origin=str(files[0].parent),
    )
