"""Model files: what goes in comes out, damage of any kind is named, and nothing half-written is
left behind.
"""

import json
import os
import struct

import numpy as np
import pytest

import cnnrs
from cnnrs.errors import ArgumentError, FormatError
from cnnrs.layers import (
    Add,
    Concat,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Layer,
    LpPool2D,
    MaxPool2D,
    Normalize,
    ReLU,
)


class Twice(Layer):
    def __init__(self, times=2.0, *, name=None):
        super().__init__(name=name)
        self.times = times

    def build(self, input_shape):
        return input_shape

    def forward(self, ctx, x):
        return self.times * x


@pytest.fixture
def model():
    return cnnrs.Sequential(
        (6, 6, 2),
        [
            Normalize([1, 2], [3, 4]),
            Conv2D(3, 3, padding=((1, 0), (0, 1)), weight_initializer="glorot_uniform"),
            ReLU(),
            Flatten(),
            Dense(3),
        ],
        seed=7,
        class_names=["cat", "dög", "bird"],
    )


def test_a_model_comes_back_whole(model, tmp_path, rng):
    x = rng.integers(0, 256, (5, 6, 6, 2)).astype(np.uint8)
    model.layers[1].trainable = False
    model.save(tmp_path / "model.cnnrs")
    back = cnnrs.load(tmp_path / "model.cnnrs")
    assert isinstance(back, cnnrs.Sequential)
    assert np.array_equal(back(x), model(x))
    assert back.predict(x, names=True) == model.predict(x, names=True)
    assert back.class_names == ("cat", "dög", "bird")
    assert back.seed == 7
    assert list(back.graph.names.values()) == list(model.graph.names.values())
    assert [layer.config() for layer in back.layers] == [layer.config() for layer in model.layers]
    assert [layer.trainable for layer in back.layers] == [True, False, True, True, True]


def test_graphs_with_everything_come_back(tmp_path, rng):
    a, b = cnnrs.Input((6, 6, 2), name="left"), cnnrs.Input((6, 6, 2))
    shared = Conv2D(2, 3, padding="same", name="twin")
    inner = cnnrs.Sequential(
        (6, 6, 4), [MaxPool2D(2), LpPool2D(3, p=3), Dropout(0.5)], name="inner"
    )
    joined = Concat()([shared(a), shared(b)])
    model = cnnrs.Model(
        [a, b], [Dense(4)(Flatten()(inner(joined))), Add()([a, b])], dtype="float64"
    )
    model.save(tmp_path / "graph.cnnrs")
    back = cnnrs.load(tmp_path / "graph.cnnrs")
    x = [rng.random((3, 6, 6, 2)), rng.random((3, 6, 6, 2))]
    for mine, truth in zip(back(x), model(x), strict=True):
        assert mine.dtype == np.float64
        assert np.array_equal(mine, truth)
    assert list(back.state_dict()) == list(model.state_dict())
    assert back.num_parameters == model.num_parameters
    assert type(back) is cnnrs.Model
    back.save(tmp_path / "again.cnnrs")
    assert (tmp_path / "again.cnnrs").read_bytes() == (tmp_path / "graph.cnnrs").read_bytes()


def test_any_safetensors_reader_opens_it(model, tmp_path):
    from safetensors.numpy import load_file

    model.save(tmp_path / "model.cnnrs")
    tensors = load_file(tmp_path / "model.cnnrs")
    assert {name: array.shape for name, array in tensors.items()} == {
        name: array.shape for name, array in model.state_dict().items()
    }
    assert np.array_equal(tensors["dense_1.weight"], model.layers[-1].weight)


def test_layers_of_your_own(tmp_path):
    model = cnnrs.Sequential((3,), [Twice(3.0), Dense(2)])
    model.save(tmp_path / "own.cnnrs")
    with pytest.raises(FormatError, match=r"Twice.*custom_layers"):
        cnnrs.load(tmp_path / "own.cnnrs")
    back = cnnrs.load(tmp_path / "own.cnnrs", custom_layers={"Twice": Twice})
    assert back.layers[0].times == 3.0
    x = np.ones((1, 3))
    assert np.array_equal(back(x), model(x))


def test_a_layer_that_cannot_be_written_down_says_so(tmp_path):
    class Odd(Twice):
        def __init__(self, function):
            super().__init__()
            self.function = function

    class Forgetful(Twice):
        def __init__(self, size):
            super().__init__()

    for layer, word in ((Odd(abs), "JSON"), (Forgetful(3), "size")):
        with pytest.raises(ArgumentError, match=word):
            cnnrs.Sequential((3,), [layer]).save(tmp_path / "odd.cnnrs")
        assert list(tmp_path.iterdir()) == []


def test_every_truncation_is_refused(model, tmp_path):
    path = tmp_path / "model.cnnrs"
    model.save(path)
    data = path.read_bytes()
    for length in [*range(64), *range(64, len(data), 97), len(data) - 1]:
        path.write_bytes(data[:length])
        with pytest.raises(FormatError, match=r"model\.cnnrs"):
            cnnrs.load(path)
    path.write_bytes(data + b"\0")
    with pytest.raises(FormatError, match="too many"):
        cnnrs.load(path)


def test_every_flipped_bit_is_refused(tmp_path):
    path = tmp_path / "tiny.cnnrs"
    cnnrs.Sequential((2,), [Dense(2)], class_names=["a", "b"]).save(path)
    data = path.read_bytes()
    for position in range(len(data)):
        for bit in range(8) if position < 16 or position % 29 == 0 else (position % 8,):
            damaged = bytearray(data)
            damaged[position] ^= 1 << bit
            path.write_bytes(damaged)
            with pytest.raises(FormatError):
                cnnrs.load(path)


def test_a_damaged_tensor_is_named(model, tmp_path):
    path = tmp_path / "model.cnnrs"
    model.save(path)
    data = bytearray(path.read_bytes())
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    for name in ("dense_1.weight", "conv2d_1.bias"):
        damaged = bytearray(data)
        damaged[8 + length + header[name]["data_offsets"][0]] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(FormatError, match=name):
            cnnrs.load(path)


def rewritten(data, change):
    """The file with its cnnrs metadata changed by someone who keeps the digest right."""
    from cnnrs.model.files.container import digest

    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    content = json.loads(header.pop("__metadata__")["cnnrs"])
    del content["digest"]
    change(content, header)
    text = json.dumps({"digest": digest(content, header), **content})
    made = json.dumps({"__metadata__": {"cnnrs": text}, **header}).encode()
    return struct.pack("<Q", len(made)) + made + data[8 + length :]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda c, h: c.update(version=99), "version 99"),
        (lambda c, h: c.update(version="1"), "version"),
        (lambda c, h: h.pop("dense_1.bias"), "dense_1.bias"),
        (lambda c, h: c["sha256"].pop("dense_1.bias"), "dense_1.bias"),
        (lambda c, h: h["dense_1.bias"].update(shape=[1, 3]), "dense_1.bias"),
        (lambda c, h: h["dense_1.bias"].update(shape=[4]), "dense_1.bias"),
        (lambda c, h: h["dense_1.bias"].update(dtype="I8"), "dense_1.bias"),
        (lambda c, h: h["dense_1.bias"].update(data_offsets=[0, 10**9]), "dense_1.bias|should be"),
        (lambda c, h: h["dense_1.bias"].update(data_offsets="ab"), "header is damaged"),
        (lambda c, h: c["architecture"]["layers"][0].update({"class": "os.system"}), "os.system"),
        (lambda c, h: c["architecture"]["layers"][0].update({"class": "Layer"}), "Layer"),
        (lambda c, h: c["architecture"]["layers"][0].update({"class": "Input"}), "Input"),
        (lambda c, h: c["architecture"]["layers"][1]["config"].update(filters=-1), "filters"),
        (lambda c, h: c["architecture"]["layers"][1]["config"].update(surprise=1), "surprise"),
        (
            lambda c, h: c["architecture"]["layers"][1]["config"].update(filters=10**9),
            "fit|takes|GB|shape",
        ),
        (lambda c, h: c["architecture"]["nodes"][0].update(inputs=[5]), "later"),
        (lambda c, h: c["architecture"]["nodes"][0].update(inputs=["x"]), "malformed"),
        (lambda c, h: c["architecture"].update(outputs=[99]), "malformed"),
        (lambda c, h: c.pop("architecture"), "malformed"),
        (lambda c, h: c.update(class_names=["one"]), "class"),
        (lambda c, h: c.update(dtype="int8"), "dtype"),
    ],
)
def test_a_forged_file_is_refused(model, tmp_path, change, word):
    path = tmp_path / "model.cnnrs"
    model.save(path)
    path.write_bytes(rewritten(path.read_bytes(), change))
    with pytest.raises((FormatError, MemoryError), match=word):
        cnnrs.load(path)


def test_what_is_no_model_file(tmp_path):
    two = struct.pack("<Q", 2)
    for name, data in (
        ("empty", b""),
        ("text", b"hello, this is no model"),
        ("json", two + b"{}"),
        ("list", two + b"[]"),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(FormatError, match=name):
            cnnrs.load(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        cnnrs.load(tmp_path / "absent")
    with pytest.raises(IsADirectoryError):
        cnnrs.load(tmp_path)


def test_a_failed_save_leaves_the_old_file(model, tmp_path, monkeypatch):
    path = tmp_path / "model.cnnrs"
    model.save(path)
    before = path.read_bytes()

    def full_disk(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    model.layers[-1].bias[...] = 5
    with pytest.raises(OSError, match="space"):
        model.save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(FileNotFoundError):
        model.save(tmp_path / "no" / "folder.cnnrs")


def test_the_file_has_the_usual_permissions(model, tmp_path):
    model.save(tmp_path / "model.cnnrs")
    (tmp_path / "plain").write_bytes(b"")
    assert (tmp_path / "model.cnnrs").stat().st_mode == (tmp_path / "plain").stat().st_mode
