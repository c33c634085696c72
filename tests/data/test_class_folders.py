"""A folder of images with one sub-folder per class."""

import numpy as np
import pytest
from PIL import Image

from cnnrs.data import Loader, from_folder
from cnnrs.errors import ArgumentError, FormatError, ShapeError


def write(path, value=0, size=(4, 5)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((*size, 3), value, dtype=np.uint8)).save(path)


@pytest.fixture
def pets(tmp_path):
    for k in range(3):
        write(tmp_path / "dog" / f"{k}.png", 100 + k)
        write(tmp_path / "cat" / f"{k}.png", k)
    (tmp_path / "cat" / ".hidden.png").write_text("no image")
    (tmp_path / "cat" / "notes.txt").write_text("no image")
    (tmp_path / ".git").mkdir()
    (tmp_path / "readme.png").write_text("beside the classes")
    return tmp_path


def test_classes_labels_and_order(pets):
    source = from_folder(pets)
    assert source.class_names == ("cat", "dog")
    assert len(source) == 6
    assert source.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert source.labels.dtype == np.int64
    assert [path.name for path in source.paths] == ["0.png", "1.png", "2.png"] * 2
    image, label = source[4]
    assert image.shape == (4, 5, 3)
    assert (image == 101).all()
    assert label == 1
    assert source[-1][0][0, 0, 0] == 102
    with pytest.raises(IndexError):
        source[6]
    x, y = source.batch([5, 0, 5])
    assert x[:, 0, 0, 0].tolist() == [102, 0, 102]
    assert y.tolist() == [1, 0, 1]
    x, y = source.load_arrays()
    assert x[:, 0, 0, 0].tolist() == [0, 1, 2, 100, 101, 102]
    assert y.tolist() == source.labels.tolist()
    assert source.image_shape == (4, 5, 3)


def test_nothing_is_decoded_before_it_is_asked_for(pets):
    (pets / "cat" / "0.png").write_text("broken")
    source = from_folder(pets)
    assert source[1][1] == 0
    with pytest.raises(FormatError, match=r"cat.0\.png"):
        source[0]
    with pytest.raises(FormatError, match=r"cat.0\.png"):
        source.load_arrays()
    with pytest.raises(FormatError, match=r"cat.0\.png"):
        list(Loader(source, 2, threads=2))


def test_broken_files_are_skipped_by_name(pets):
    whole = (pets / "dog" / "1.png").read_bytes()
    (pets / "dog" / "1.png").write_bytes(whole[:50])
    with pytest.warns(UserWarning, match=r"skipped 1 damaged image files:\n.*1\.png"):
        source = from_folder(pets, broken="skip")
    assert len(source) == 5
    assert source.labels.tolist() == [0, 0, 0, 1, 1]
    for k in (0, 2):
        (pets / "dog" / f"{k}.png").write_bytes(b"")
    with pytest.raises(FormatError, match="expected a whole image of the class 'dog'"):
        from_folder(pets, broken="skip")


def test_differing_sizes_need_size(pets):
    write(pets / "dog" / "2.png", 102, size=(8, 5))
    source = from_folder(pets)
    for ask in (
        lambda: source.image_shape,
        source.load_arrays,
        lambda: source.batch([0, 5]),
        lambda: list(Loader(source, 6)),
    ):
        with pytest.raises(ShapeError, match=r"2\.png.*size="):
            ask()
    assert from_folder(pets, size=(6, 7)).load_arrays()[0].shape == (6, 6, 7, 3)
    assert from_folder(pets, size=6, mode="grey").image_shape == (6, 6, 1)


def test_folders_that_are_no_data_sets(tmp_path, pets):
    with pytest.raises(FileNotFoundError):
        from_folder(tmp_path / "missing")
    with pytest.raises(NotADirectoryError):
        from_folder(pets / "readme.png")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FormatError, match=r"one sub-folder of images per class.*got none"):
        from_folder(tmp_path / "empty")
    (pets / "bird").mkdir()
    with pytest.raises(FormatError, match="expected images of the class 'bird', got none"):
        from_folder(pets)
    (pets / "bird" / "a.txt").touch()
    with pytest.raises(FormatError, match=r"got 1 other files .a\.txt"):
        from_folder(pets)
    with pytest.raises(ArgumentError, match="broken"):
        from_folder(pets, broken="ignore")
    with pytest.raises(ArgumentError, match="mode"):
        from_folder(pets, mode="bgr")


def test_one_level_too_high_is_noticed(tmp_path):
    write(tmp_path / "root" / "train" / "cat" / "0.png")
    with pytest.raises(FormatError, match=r"did you mean the path .*train"):
        from_folder(tmp_path / "root")
    write(tmp_path / "root" / "train" / "0.png")
    with pytest.raises(FormatError, match="one level deep"):
        from_folder(tmp_path / "root")


def test_symbolic_links_are_followed(pets, tmp_path_factory):
    other = tmp_path_factory.mktemp("links")
    (other / "kitten").symlink_to(pets / "cat", target_is_directory=True)
    (other / "loop").mkdir()
    write(other / "loop" / "a.png", 9)
    (other / "loop" / "b.png").symlink_to(other / "loop" / "b.png")
    (other / "loop" / "c.png").symlink_to(pets / "dog" / "0.png")
    source = from_folder(other)
    assert source.class_names == ("kitten", "loop")
    assert [path.name for path in source.paths] == ["0.png", "1.png", "2.png", "a.png", "c.png"]
    assert source[4][0][0, 0, 0] == 100
