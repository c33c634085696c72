"""CIFAR-10 from binary batches, the archive and the JPEG pack."""

import gzip
import hashlib
import io
import pickle
import tarfile

import numpy as np
import pytest
from PIL import Image

from cnnrs.datasets import load_cifar10
from cnnrs.errors import FormatError

NAMES = [*(f"data_batch_{k}.bin" for k in range(1, 6)), "test_batch.bin"]


@pytest.fixture(autouse=True)
def nowhere(monkeypatch, tmp_path):
    """No environment of this machine and no cache."""
    monkeypatch.delenv("CNNRS_DATA", raising=False)
    monkeypatch.setenv("CNNRS_CACHE", str(tmp_path / "cache"))


def record(label, red, green, blue):
    return bytes([label]) + bytes([red]) * 1024 + bytes([green]) * 1024 + bytes([blue]) * 1024


def batches():
    return {
        name: record(k, k, 100 + k, 200 + k) + record(9 - k, 1, 2, 3)
        for k, name in enumerate(NAMES)
    }


def write_files(folder, contents):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)


def write_archive(folder, contents):
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(folder / "cifar-10-binary.tar.gz", "w:gz") as archive:
        for name, content in contents.items():
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def write_jpeg_pack(folder, **changes):
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {}
    for split, count in (("train", 3), ("test", 2)):
        files = []
        for k in range(count):
            buffer = io.BytesIO()
            Image.new("RGB", (32, 32), (40 * k, 100, 200)).save(buffer, "JPEG", quality=95)
            files.append(buffer.getvalue())
        arrays[f"{split}_jpeg"] = np.frombuffer(b"".join(files), np.uint8)
        arrays[f"{split}_offsets"] = np.cumsum([0, *map(len, files)])
        arrays[f"{split}_labels"] = np.arange(count, dtype=np.uint8)
    np.savez_compressed(folder / "cifar10_jpeg.npz", **{**arrays, **changes})


@pytest.mark.parametrize(
    "layout", ["", "cifar10", "cifar-10-batches-bin", "cifar10/cifar-10-batches-bin"]
)
def test_binary_batches(tmp_path, layout):
    write_files(tmp_path / "data" / layout, batches())
    cifar = load_cifar10(tmp_path / "data", download=False)
    assert cifar.x_train.shape == (10, 32, 32, 3)
    assert cifar.x_train[2, 5, 6].tolist() == [1, 101, 201]
    assert cifar.y_train.tolist() == [0, 9, 1, 8, 2, 7, 3, 6, 4, 5]
    assert cifar.y_test.tolist() == [5, 4]
    assert "not comparable" not in cifar.description


def test_planes_become_pixels_row_by_row(tmp_path):
    contents = batches()
    planes = np.random.default_rng(0).integers(0, 256, (3, 32, 32), dtype=np.uint8)
    contents["test_batch.bin"] = b"\x03" + planes.tobytes()
    write_files(tmp_path, contents)
    image = load_cifar10(tmp_path).x_test[0]
    assert all(
        image[row, column, channel] == planes[channel, row, column]
        for row in (0, 7)
        for column in (1, 31)
        for channel in range(3)
    )


def test_archive_is_read_without_unpacking(tmp_path):
    write_archive(tmp_path / "archive", {"readme.html": b"<p>", **batches()})
    write_files(tmp_path / "files", batches())
    packed, plain = load_cifar10(tmp_path / "archive"), load_cifar10(tmp_path / "files")
    assert np.array_equal(packed.x_train, plain.x_train)
    assert np.array_equal(packed.y_test, plain.y_test)
    assert [entry.name for entry in (tmp_path / "archive").iterdir()] == ["cifar-10-binary.tar.gz"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data_batch_3.bin": b""}, r"data_batch_3\.bin.*whole records of 3073"),
        ({"data_batch_3.bin": bytes(3072)}, r"data_batch_3\.bin.*3072 bytes"),
        (
            {"test_batch.bin": record(1, 0, 0, 0) + record(10, 0, 0, 0)},
            r"test_batch\.bin.*record 1: expected a label from 0 to 9, got 10",
        ),
    ],
)
@pytest.mark.parametrize("write", [write_files, write_archive])
def test_damaged_batches_are_named(tmp_path, change, message, write):
    write(tmp_path, {**batches(), **change})
    with pytest.raises(FormatError, match=message):
        load_cifar10(tmp_path)


def test_damaged_archives_are_named(tmp_path):
    path = tmp_path / "cifar-10-binary.tar.gz"
    contents = batches()
    contents["data_batch_2.bin"] = (
        np.random.default_rng(0).integers(0, 10, 3073 * 4, dtype=np.uint8).tobytes()
    )
    write_archive(tmp_path, contents)
    whole = path.read_bytes()
    for content in (
        whole[: len(whole) // 2],
        b"",
        b"no archive",
        whole[:5000] + bytes(50) + whole[5050:],
    ):
        path.write_bytes(content)
        with pytest.raises(FormatError, match=r"cifar-10-binary\.tar\.gz"):
            load_cifar10(tmp_path)
    contents.pop("data_batch_4.bin")
    write_archive(tmp_path, contents)
    with pytest.raises(FormatError, match=r"expected data_batch_4\.bin in the archive"):
        load_cifar10(tmp_path)


def test_links_and_giants_in_an_archive_are_not_followed(tmp_path):
    (tmp_path / "secret").write_bytes(record(1, 2, 3, 4))
    with tarfile.open(tmp_path / "cifar-10-binary.tar.gz", "w:gz") as archive:
        for name in NAMES:
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.type, member.linkname = tarfile.SYMTYPE, str(tmp_path / "secret")
            archive.addfile(member)
    with pytest.raises(FormatError, match=r"expected data_batch_1.bin, .* in the archive"):
        load_cifar10(tmp_path)
    giant = tarfile.TarInfo("cifar-10-batches-bin/data_batch_1.bin")
    giant.size = 1 << 40
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(gzip.compress(giant.tobuf() + bytes(1024)))
    with pytest.raises(FormatError, match="at most 268435456 bytes, got 1099511627776"):
        load_cifar10(tmp_path)


def test_jpeg_pack_says_that_it_is_one(tmp_path):
    write_jpeg_pack(tmp_path / "cifar10")
    cifar = load_cifar10(tmp_path)
    assert cifar.x_train.shape == (3, 32, 32, 3)
    assert (
        np.abs(
            cifar.x_train[:, 0, 0].astype(int) - [[0, 100, 200], [40, 100, 200], [80, 100, 200]]
        ).max()
        <= 3
    )
    assert "not comparable with published figures" in cifar.description
    write_files(tmp_path / "cifar10", batches())  # the originals come first
    assert "JPEG" not in load_cifar10(tmp_path).description


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train_offsets": np.array([0, 5, 9])}, "train_offsets"),
        ({"train_offsets": np.array([0, 5, 3, 9])}, "train_offsets"),
        ({"train_offsets": np.array([-5, 5, 7, 9])}, "train_offsets"),
        ({"test_labels": np.array([0, 10], np.uint8)}, "test_labels"),
        ({"test_labels": np.array([0.0, 1.0])}, "test_labels.*float64"),
        ({"test_jpeg": np.zeros((2, 2), np.uint8)}, "test_jpeg"),
        (
            {
                "test_labels": np.zeros(0, np.uint8),
                "test_offsets": np.zeros(1, int),
                "test_jpeg": np.zeros(0, np.uint8),
            },
            "test_labels",
        ),
        ({"test_labels": np.array([1, None], dtype=object)}, "test_labels"),
    ],
)
def test_damaged_jpeg_packs_are_named(tmp_path, change, message):
    write_jpeg_pack(tmp_path, **change)
    with pytest.raises(FormatError, match=rf"cifar10_jpeg\.npz.*{message}"):
        load_cifar10(tmp_path)


def test_cut_or_foreign_jpeg_packs(tmp_path):
    write_jpeg_pack(tmp_path)
    path = tmp_path / "cifar10_jpeg.npz"
    whole = path.read_bytes()
    for content in (whole[:300], b"", b"PK\x03\x04", whole[:200] + bytes(9) + whole[209:]):
        path.write_bytes(content)
        with pytest.raises(FormatError, match=r"cifar10_jpeg\.npz"):
            load_cifar10(tmp_path)
    np.savez(path, other=np.zeros(3))
    with pytest.raises(FormatError, match="expected an array 'train_jpeg'"):
        load_cifar10(tmp_path)
    jpeg = io.BytesIO()
    Image.new("RGB", (16, 32)).save(jpeg, "JPEG")
    content = np.frombuffer(jpeg.getvalue(), np.uint8)
    write_jpeg_pack(
        tmp_path,
        test_jpeg=content,
        test_offsets=np.array([0, len(content)]),
        test_labels=np.zeros(1, np.uint8),
    )
    with pytest.raises(FormatError, match=r"test image 0.*32x16"):
        load_cifar10(tmp_path)


def test_pickles_are_never_opened(tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    for k in range(1, 6):
        (tmp_path / f"data_batch_{k}").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(FileNotFoundError, match="never opened"):
        load_cifar10(tmp_path, download=False)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.slow
def test_the_real_jpeg_pack(data_dir):
    cifar = load_cifar10(data_dir, download=False)
    assert cifar.x_train.shape == (50_000, 32, 32, 3)
    assert np.bincount(cifar.y_train).tolist() == [5000] * 10
    assert [cifar.class_names[k] for k in cifar.y_train[:4]] == ["frog", "truck", "truck", "deer"]
    assert (
        abs(cifar.x_test.mean() - 121.5) < 1
    )  # published mean of the lossless test images: 0.4767 of 255
    digest = hashlib.sha256(cifar.x_test.tobytes()).hexdigest()
    if digest != "b7018a062865e9348a704e72416eb53c816b43cc8ac42ab43276a2b967508ab6":
        pytest.skip("another JPEG decoder, which may differ by one level")
