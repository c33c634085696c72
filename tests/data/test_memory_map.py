"""Samples from memory-mapped files, and statistics of data sets."""

import gc
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnnrs.data import Loader, duplicates, from_arrays, from_folder, from_memmap, statistics
from cnnrs.errors import ArgumentError, CnnrsError, DTypeError, FormatError, ShapeError


@pytest.fixture
def files(tmp_path):
    x = np.arange(50 * 2 * 2, dtype=np.uint8).reshape(50, 2, 2, 1)
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", np.arange(50) % 3)
    return tmp_path / "x.npy", tmp_path / "y.npy"


def test_batches_equal_those_in_memory(files):
    mapped = from_memmap(*files)
    plain = from_arrays(np.load(files[0]), np.load(files[1]))
    for (x, y), (x_plain, y_plain) in zip(
        Loader(mapped, 8, shuffle=True), Loader(plain, 8, shuffle=True), strict=True
    ):
        assert np.array_equal(x, x_plain)
        assert np.array_equal(y, y_plain)
        assert type(x) is np.ndarray
        x[:] = 0  # a copy: the file is not written to
    assert np.array_equal(mapped[7][0], plain[7][0])
    assert mapped.labels.tolist() == plain.labels.tolist()
    with pytest.raises(IndexError):
        mapped.batch([50])


def test_files_that_cannot_be_mapped(files, tmp_path):
    x, y = files
    np.save(tmp_path / "short.npy", np.arange(49))
    with pytest.raises(ShapeError, match=r"50.*49"):
        from_memmap(x, tmp_path / "short.npy")
    cut = tmp_path / "cut.npy"
    for content in (x.read_bytes()[:-1], x.read_bytes()[:40], b"", b"text"):
        cut.write_bytes(content)
        with pytest.raises(FormatError, match=r"cut\.npy"):
            from_memmap(cut, y)
        with pytest.raises(CnnrsError):
            from_memmap(x, cut)
    np.save(tmp_path / "objects.npy", np.array([None] * 50), allow_pickle=True)
    with pytest.raises(FormatError, match=r"objects\.npy"):
        from_memmap(x, tmp_path / "objects.npy")
    np.save(tmp_path / "text.npy", np.array(["a"] * 50))
    with pytest.raises(DTypeError, match=r"text\.npy"):
        from_memmap(x, tmp_path / "text.npy")
    np.savez(tmp_path / "packed.npz", x=np.zeros(3))
    with pytest.raises(FormatError, match="npz"):
        from_memmap(tmp_path / "packed.npz", y)
    np.save(tmp_path / "fortran.npy", np.asfortranarray(np.zeros((50, 2, 2, 1))))
    with pytest.raises(FormatError, match="Fortran"):
        from_memmap(tmp_path / "fortran.npy", y)
    with pytest.raises(FileNotFoundError):
        from_memmap(tmp_path / "missing.npy", y)


RESIDENT = """
import resource, sys
import numpy as np
from cnnrs.data import Loader, from_memmap

def resident_now():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()

source = from_memmap(sys.argv[1], sys.argv[2])
before, most, total = resident_now(), 0, 0
for x, y in Loader(source, 64, shuffle=True):
    total += len(y)
    most = max(most, resident_now())
print(total, (most - before) >> 20)
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_large_file_stays_out_of_memory(tmp_path):
    count = 14_000  # of 64 KiB: 875 MiB, sparse on disk
    x = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", np.uint8, (count, 256, 256, 1))
    x[0] = 1
    x.flush()
    np.save(tmp_path / "y.npy", np.zeros(count, np.int64))
    command = [sys.executable, "-c", RESIDENT, str(tmp_path / "x.npy"), str(tmp_path / "y.npy")]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    total, grown = map(int, run.stdout.split())
    assert total == count
    assert grown < 200  # MiB


def test_statistics_by_hand():
    x = np.array([[[0, 10]], [[4, 10]], [[4, 10]], [[8, 10]]], dtype=np.uint8).reshape(4, 1, 1, 2)
    figures = statistics(from_arrays(x, [0, 0, 0, 2], class_names=("a", "b", "c")))
    assert figures.count == 4
    assert figures.class_counts == {"a": 3, "b": 0, "c": 1}
    assert figures.sizes == {(1, 1): 4}
    assert figures.mean == (4.0, 10.0)
    assert np.allclose(figures.std, (8**0.5, 0.0))
    assert figures.repeated == 1
    assert "4 images, 1 of them repeated" in str(figures)


def test_statistics_of_many_batches_equal_those_of_all_pixels():
    x = np.random.default_rng(0).integers(0, 256, (700, 3, 5, 3), dtype=np.uint8)
    figures = statistics((x, np.zeros(700, int)))
    assert np.allclose(figures.mean, x.mean(axis=(0, 1, 2)), rtol=1e-12)
    assert np.allclose(figures.std, x.std(axis=(0, 1, 2)), rtol=1e-12)


def test_statistics_of_images_of_differing_sizes(tmp_path):
    for name, height, width, value in (("a/0", 2, 3, 0), ("a/1", 2, 3, 0), ("b/0", 4, 1, 120)):
        path = tmp_path / f"{name}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(np.full((height, width), value, np.uint8)).save(path)
    figures = statistics(from_folder(tmp_path, mode="grey"))
    assert figures.sizes == {(2, 3): 2, (4, 1): 1}
    assert figures.class_counts == {"a": 2, "b": 1}
    assert np.allclose(figures.mean, 120 * 4 / 16)
    assert figures.repeated == 1


def test_statistics_refuse_what_are_no_images():
    with pytest.raises(ShapeError, match="images"):
        statistics((np.zeros((3, 4)), np.zeros(3, int)))


def test_duplicates_between_splits():
    x = np.random.default_rng(1).integers(0, 256, (20, 4, 4, 1), dtype=np.uint8)
    y = np.zeros(20, int)
    assert duplicates((x[:10], y[:10]), (x[10:], y[10:])) == []
    assert duplicates((x[:12], y[:12]), (x[10:], y[10:])) == [(10, 0), (11, 1)]
    reshaped = x[:1].reshape(1, 2, 8, 1)  # the same bytes in another shape are another image
    assert duplicates((x, y), (reshaped, y[:1])) == []


def test_arrays_with_targets_that_are_no_labels():
    source = from_arrays(np.zeros((3, 2, 2, 1)), np.zeros((3, 4)))
    assert source.batch([0, 1])[1].shape == (2, 4)
    with pytest.raises(ArgumentError, match="one integer label per sample"):
        _ = source.labels


def test_any_order_any_dtype_and_a_file_that_is_cut_later(tmp_path):
    x = np.random.default_rng(0).normal(size=(30, 3, 4)).astype(">f4")
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", np.arange(60.0).reshape(30, 2))
    source = from_memmap(tmp_path / "x.npy", tmp_path / "y.npy")
    for indices in ([], [4], [-1], [3, 4, 5, 9, 8, 8, 0, 1], range(30), [29, 0]):
        images, targets = source.batch(np.array(indices, np.int64))
        assert images.dtype == x.dtype
        np.testing.assert_array_equal(images, x[np.array(indices, np.int64)])
        np.testing.assert_array_equal(targets, source.y[np.array(indices, np.int64)])
    np.testing.assert_array_equal(source[-2][0], x[28])
    with pytest.raises(IndexError):
        source[30]
    with open(tmp_path / "x.npy", "r+b") as file:
        file.truncate(128 + 10 * 48)
    np.testing.assert_array_equal(source.batch([9])[0], x[9:10])
    with pytest.raises(FormatError, match="length it had when it was opened"):
        source.batch([8, 9, 10])


def test_an_open_file_is_closed_with_its_source(files):
    descriptors = lambda: len(list(Path("/proc/self/fd").iterdir()))  # noqa: E731
    if not Path("/proc/self/fd").exists():
        pytest.skip("no /proc here")
    before = descriptors()
    source = from_memmap(*files)
    assert descriptors() > before
    del source
    gc.collect()
    assert descriptors() == before
