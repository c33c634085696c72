"""Prediction: arrays of every flavour, batches of every size, labels, probabilities, words,
threads, edits in place.
"""

import threading

import numpy as np
import pytest

import cnnrs
from cnnrs.errors import ArgumentError, DTypeError, ShapeError
from cnnrs.layers import Dense, Softmax


@pytest.fixture
def model():
    return cnnrs.from_text(
        "Input 12x10x3 -> Conv3x3x16 same -> ReLU -> Pool -> Conv5x5x16 same -> ReLU -> Pool -> "
        "FC5",
        seed=1,
    )


@pytest.fixture
def images(rng):
    return rng.integers(0, 256, (11, 12, 10, 3)).astype(np.uint8)


def test_every_flavour_of_array_gives_the_same(model, images):
    truth = model(images.astype(np.float32))
    padded = np.zeros((11, 12, 10, 4), np.float32)
    padded[..., :3] = images
    misaligned = (
        np.frombuffer(b"x" + images.astype(np.float32).tobytes(), dtype=np.uint8)[1:]
        .view(np.float32)
        .reshape(images.shape)
    )
    readonly = images.astype(np.float32)
    readonly.flags.writeable = False
    flavours = {
        "uint8": images,
        "float64": images.astype(np.float64),
        "int64": images.astype(np.int64),
        "float16": images.astype(np.float16),
        "big endian": images.astype(">f4"),
        "Fortran": np.asfortranarray(images.astype(np.float32)),
        "strided": padded[..., :3],
        "reversed": images[:, ::-1].copy()[:, ::-1],
        "misaligned": misaligned,
        "read-only": readonly,
        "list": images.tolist(),
    }
    for name, flavour in flavours.items():
        before = np.array(flavour)
        assert np.array_equal(model(flavour), truth), name
        assert np.array_equal(np.array(flavour), before), name


@pytest.mark.parametrize(
    ("value", "error", "words"),
    [
        (np.zeros((12, 10, 3)), ShapeError, ["batch axis", "[None]"]),
        (np.zeros((2, 3, 12, 10)), ShapeError, ["channels first", "transpose"]),
        (np.zeros((2, 10, 12, 3)), ShapeError, ["(n, 12, 10, 3)", "(2, 10, 12, 3)"]),
        (np.zeros((2, 12, 10, 3), complex), DTypeError, ["complex"]),
        (np.zeros((2, 12, 10, 3), object), DTypeError, ["object"]),
        ("images", DTypeError, ["real numbers"]),
        (None, DTypeError, ["x"]),
        ([[1, 2], [3]], ShapeError, ["x"]),
    ],
)
def test_what_is_no_batch_is_refused(model, value, error, words):
    with pytest.raises(error) as caught:
        model(value)
    for word in words:
        assert word in str(caught.value)


def test_a_grey_image_without_channel_axis_gets_a_hint():
    model = cnnrs.from_text("Input 8x8x1 -> FC2")
    with pytest.raises(ShapeError, match="channel axis"):
        model(np.zeros((3, 8, 8)))


def test_no_samples_give_no_predictions(model):
    empty = np.zeros((0, 12, 10, 3))
    assert model(empty).shape == (0, 5)
    assert model.predict(empty).shape == (0,)
    assert model.predict_proba(empty).shape == (0, 5)


def test_alone_or_in_a_batch_the_same_bits(model, rng):
    x = rng.standard_normal((70, 12, 10, 3)).astype(np.float32)
    truth = model(x)
    for size in (1, 2, 3, 5, 64):
        assert np.array_equal(model(x, batch_size=size), truth), size
    for index in (0, 13, 69):
        assert np.array_equal(model(x[index : index + 1])[0], truth[index])


def test_labels_probabilities_and_names(model, images):
    logits = model(images)
    proba = model.predict_proba(images)
    assert np.array_equal(model.predict(images), logits.argmax(axis=1))
    assert model.predict(images).dtype == np.int64
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-6)
    with pytest.raises(ArgumentError, match="class_names"):
        model.predict(images, names=True)
    model.class_names = ["a", "b", "c", "d", "e"]
    assert model.predict(images, names=True) == [
        model.class_names[label] for label in model.predict(images)
    ]


def test_a_model_that_ends_in_softmax_is_not_softened_twice(rng):
    plain = cnnrs.Sequential((4,), [Dense(3)], seed=1)
    soft = cnnrs.Sequential((4,), [Dense(3), Softmax()], seed=1)
    x = rng.standard_normal((5, 4))
    np.testing.assert_allclose(soft.predict_proba(x), plain.predict_proba(x), rtol=1e-6)
    assert np.array_equal(soft.predict_proba(x), soft(x))


def test_top_k_of_known_logits():
    model = cnnrs.Sequential((4,), [Dense(4, weight_initializer="zeros")])
    model.layers[0].weight[...] = np.eye(4)
    labels, proba = model.top_k([[0.0, 3.0, 3.0, 9.0]], 3)
    assert labels.tolist() == [[3, 1, 2]]
    assert proba[0, 1] == proba[0, 2] < proba[0, 0]
    with pytest.raises(ArgumentError, match="k"):
        model.top_k([[0.0, 3.0, 3.0, 9.0]], 5)


def test_class_names_must_fit(model):
    with pytest.raises(ArgumentError, match="5 classes"):
        model.class_names = ["a", "b"]
    with pytest.raises(DTypeError, match="strings"):
        model.class_names = "abcde"
    with pytest.raises(DTypeError, match="strings"):
        model.class_names = [1, 2, 3, 4, 5]


def test_predicting_one_number_needs_no_classes():
    with pytest.raises(ArgumentError, match="two classes"):
        cnnrs.Sequential((4,), [Dense(1)]).predict(np.zeros((1, 4)))


@pytest.mark.parametrize("count", [1, 2, 64])
def test_weights_edited_in_place_are_seen_by_the_next_prediction(model, rng, count):
    x = rng.standard_normal((count, 12, 10, 3)).astype(np.float32)
    model(x)
    weight = model.layer("conv2d_1").weight
    before = model(x)
    for change in (1e-3, -0.0, np.float32(1e-45)):
        old = weight[1, 1, 0, 0]
        weight[1, 1, 0, 0] += change
        fresh = cnnrs.from_text(
            "Input 12x10x3 -> Conv3x3x16 same -> ReLU -> Pool -> Conv5x5x16 same -> ReLU -> Pool "
            "-> FC5",
            seed=1,
        )
        fresh.load_state_dict(model.state_dict())
        assert np.array_equal(model(x), fresh(x))
        weight[1, 1, 0, 0] = old
    assert np.array_equal(model(x), before)
    weight[...] = 0
    model.layer("conv2d_2").bias[...] = 3
    assert not np.array_equal(model(x), before)


def test_weights_swapped_within_an_array_are_seen(model, rng):
    x = rng.standard_normal((1, 12, 10, 3)).astype(np.float32)
    before = model(x)
    weight = model.layer("conv2d_2").weight
    weight[...] = weight[..., ::-1].copy()
    assert not np.array_equal(model(x), before)


def test_many_threads_predict_with_one_model(model, rng):
    x = rng.standard_normal((40, 12, 10, 3)).astype(np.float32)
    truth = model(x)
    wrong = []

    def work(number):
        for turn in range(10):
            size = 1 + (number * 7 + turn) % 40
            if not np.array_equal(model(x[:size], batch_size=16), truth[:size]):
                wrong.append((number, turn))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_describe_takes_one_image(model, images):
    model.class_names = ["ant", "bee", "cat", "dog", "8"]
    answer = model.describe(images[0])
    assert answer == model.describe(images[:1])
    assert [value for _, value in answer] == sorted((value for _, value in answer), reverse=True)
    assert {name for name, _ in answer} == set(model.class_names)
    assert len(model.describe(images[0], k=2)) == 2
    assert "an ant" in str(answer)
    assert "an 8" in str(answer)
    with pytest.raises(ShapeError, match="one image"):
        model.describe(images)
