"""The idx format, MNIST and Fashion-MNIST, and where files are looked for."""

import gzip
import shutil
import struct
import sys
import types

import numpy as np
import pytest

from cnnrs.datasets import load, load_fashion_mnist, load_mnist, read_idx
from cnnrs.errors import FormatError

STEMS = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def idx(array, kind=8):
    return (
        bytes([0, 0, kind, array.ndim])
        + struct.pack(f">{array.ndim}I", *array.shape)
        + array.tobytes()
    )


def write_mnist(folder, train=5, test=3, compress=True, seed=0):
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    for stem, count in zip(STEMS, (train, train, test, test), strict=True):
        shape = (count, 28, 28) if "images" in stem else (count,)
        content = idx(random.integers(0, 10, shape, dtype=np.uint8))
        if compress:
            (folder / f"{stem}.gz").write_bytes(gzip.compress(content))
        else:
            (folder / stem).write_bytes(content)


@pytest.fixture(autouse=True)
def nowhere(monkeypatch, tmp_path):
    """No environment of this machine, no cache, no network."""
    monkeypatch.delenv("CNNRS_DATA", raising=False)
    monkeypatch.setenv("CNNRS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(sys.modules, "pooch", None)


def test_idx_reads_what_the_header_says(tmp_path):
    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    for name, content in (("plain", idx(array)), ("packed.gz", gzip.compress(idx(array)))):
        (tmp_path / name).write_bytes(content)
        assert np.array_equal(read_idx(tmp_path / name, 3), array)
    read_idx(tmp_path / "plain")[0, 0, 0] = 1  # writable


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected an idx file"),
        (b"\x00\x00\x08", "expected an idx file"),
        (b"\x01\x00\x08\x01" + bytes(8), "expected an idx file"),
        (b"\x00\x00\x0d\x01" + bytes(8), "0x0d"),
        (b"\x00\x00\x08\x01\x00\x00", "expected a whole header"),
        (idx(np.zeros((2, 2), np.uint8)), "expected an idx file with 1 axes, got 2"),
        (idx(np.zeros(9, np.uint8))[:-1], "expected 9 bytes.*got only 8"),
        (idx(np.zeros(9, np.uint8)) + b"x", "got more"),
        (b"\x00\x00\x08\x01\xff\xff\xff\xff" + bytes(8), "at most 1073741824 bytes.*4294967295"),
        (gzip.compress(idx(np.zeros(90, np.uint8)))[:-12], "gzip"),
        (gzip.compress(idx(np.zeros(90, np.uint8)))[:5], "gzip"),
        (b"\x1f\x8b" + bytes(20), "gzip"),
        (gzip.compress(idx(np.zeros(9, np.uint8)) + bytes(1 << 22)), "got more"),
    ],
)
def test_idx_files_that_are_not_whole_are_named(tmp_path, content, message):
    path = tmp_path / "victim.gz"
    path.write_bytes(content)
    with pytest.raises(FormatError, match=rf"victim\.gz.*{message}"):
        read_idx(path, 1)


@pytest.mark.parametrize("position", range(10, 60, 5))
def test_a_flipped_bit_in_a_gzip_file_never_passes(tmp_path, position):
    damaged = bytearray(
        gzip.compress(idx(np.random.default_rng(0).integers(0, 256, 50, dtype=np.uint8)))
    )
    damaged[position] ^= 4
    (tmp_path / "a.gz").write_bytes(damaged)
    with pytest.raises(FormatError, match=r"a\.gz"):
        read_idx(tmp_path / "a.gz", 1)


@pytest.mark.parametrize("layout", ["mnist", "MNIST/raw", "."])
@pytest.mark.parametrize("compress", [True, False])
def test_layouts_of_the_folder(tmp_path, layout, compress):
    write_mnist(tmp_path / "data" / layout, compress=compress)
    mnist = load_mnist(tmp_path / "data")
    assert mnist.x_train.shape == (5, 28, 28, 1)
    assert mnist.y_test.shape == (3,)
    assert mnist.y_test.dtype == np.int64
    assert mnist.x_train.dtype == np.uint8


def test_search_goes_from_data_dir_to_environment_to_cache(tmp_path, monkeypatch):
    write_mnist(tmp_path / "cache" / "mnist", train=3)
    assert len(load_mnist().y_train) == 3
    write_mnist(tmp_path / "environment" / "mnist", train=4)
    monkeypatch.setenv("CNNRS_DATA", str(tmp_path / "environment"))
    assert len(load_mnist().y_train) == 4
    write_mnist(tmp_path / "given", train=6)
    assert len(load_mnist(tmp_path / "given").y_train) == 6
    (tmp_path / "empty").mkdir()
    assert len(load_mnist(tmp_path / "empty").y_train) == 4


def test_not_found_says_where_it_looked_and_what_to_do(tmp_path, monkeypatch):
    write_mnist(tmp_path / "given" / "mnist")
    (tmp_path / "given" / "mnist" / f"{STEMS[1]}.gz").unlink()
    monkeypatch.setenv("CNNRS_DATA", str(tmp_path / "absent"))
    with pytest.raises(FileNotFoundError) as caught:
        load("mnist", tmp_path / "given")
    message = str(caught.value)
    for part in (
        f"no {STEMS[1]}.gz",
        "absent",
        "cache",
        "pip install 'cnnrs[datasets]'",
        "CNNRS_DATA",
        "data_dir=",
    ):
        assert part in message
    with pytest.raises(FileNotFoundError, match="download=False"):
        load_mnist(download=False)


def fake_pooch(monkeypatch, retrieve):
    module = types.ModuleType("pooch")
    module.retrieve = retrieve
    monkeypatch.setitem(sys.modules, "pooch", module)


def test_download_checks_hashes_tries_mirrors_and_fills_the_cache(tmp_path, monkeypatch):
    write_mnist(tmp_path / "server")
    calls = []

    def retrieve(url, known_hash, fname, path):
        calls.append((url, known_hash))
        if "ossci" in url:
            raise ConnectionError("down")
        path.mkdir(parents=True, exist_ok=True)
        shutil.copy(tmp_path / "server" / fname, path / fname)

    fake_pooch(monkeypatch, retrieve)
    assert len(load_mnist().y_train) == 5
    assert len(calls) == 8
    assert calls[0][1] == "sha256:440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
    assert (tmp_path / "cache" / "mnist" / f"{STEMS[0]}.gz").is_file()
    load_mnist()
    assert len(calls) == 8  # from the cache


def test_failed_download_is_one_clear_error(monkeypatch):
    def retrieve(url, **_):
        raise ValueError("SHA256 hash of downloaded file does not match")

    fake_pooch(monkeypatch, retrieve)
    for name in ("mnist", "fashion-mnist", "cifar10"):
        with pytest.raises(FileNotFoundError, match="hash of downloaded file"):
            load(name)


def test_images_of_another_size_are_refused(tmp_path):
    write_mnist(tmp_path)
    (tmp_path / f"{STEMS[2]}.gz").write_bytes(gzip.compress(idx(np.zeros((3, 8, 8), np.uint8))))
    with pytest.raises(FormatError, match=r"t10k-images.*28x28"):
        load_mnist(tmp_path)


def test_labels_that_do_not_match_the_images_are_refused(tmp_path):
    write_mnist(tmp_path)
    (tmp_path / f"{STEMS[1]}.gz").write_bytes(gzip.compress(idx(np.zeros(4, np.uint8))))
    with pytest.raises(FormatError, match="expected 5 training labels, got 4"):
        load_mnist(tmp_path)
    (tmp_path / f"{STEMS[1]}.gz").write_bytes(gzip.compress(idx(np.full(5, 10, np.uint8))))
    with pytest.raises(FormatError, match="expected training labels from 0 to 9, got 10"):
        load_mnist(tmp_path)


@pytest.mark.slow
def test_the_real_mnist(data_dir):
    mnist = load_mnist(data_dir, download=False)
    assert mnist.x_train.shape == (60_000, 28, 28, 1)
    assert mnist.x_test.shape == (10_000, 28, 28, 1)
    # Published: mean 0.1307 and deviation 0.3081 of the training pixels, and the first labels.
    assert round(mnist.x_train.mean() / 255, 4) == 0.1307
    assert round(mnist.x_train.std() / 255, 4) == 0.3081
    assert mnist.y_train[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert np.bincount(mnist.y_test).tolist() == [
        980,
        1135,
        1032,
        1010,
        982,
        892,
        958,
        1028,
        974,
        1009,
    ]


def test_the_real_fashion_mnist(data_dir):
    fashion = load_fashion_mnist(data_dir, download=False)
    assert round(fashion.x_train.mean() / 255, 4) == 0.2860
    assert np.bincount(fashion.y_train).tolist() == [6000] * 10
    assert fashion.class_names[fashion.y_train[0]] == "Ankle boot"


def test_files_of_the_other_set_are_not_taken(data_dir):
    for loader, folder, message in (
        (load_mnist, "fashion-mnist", "files of Fashion-MNIST"),
        (load_fashion_mnist, "mnist", "files of MNIST"),
    ):
        with pytest.raises(FileNotFoundError, match=message):
            loader(data_dir / folder, download=False)
