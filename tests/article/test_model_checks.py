"""Check what the article says about networks, training and testing, sentence by sentence."""

import math

import numpy as np
import pytest

import cnnrs
from cnnrs import losses, ops
from cnnrs.errors import ArgumentError, NonFiniteError, ShapeError
from cnnrs.layers import (
    AveragePool2D,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    LpPool2D,
    MaxPool2D,
    ReLU,
    Softmax,
)
from cnnrs.optimizers import SGD
from cnnrs.trainer import LeakWarning
from subset import rest_is_slow

CLASSIC = (
    "Input 32x32x3 -> Conv5x5x32 same -> ReLU -> Conv5x5x32 same -> ReLU -> Pool -> ReLU -> "
    "Conv5x5x64 same -> ReLU -> Pool -> FC10"
)
TEN_ENTRIES = np.array(
    [0, 0.1, 0.1, 0.75, 0, 0, 0, 0, 0, 0.05]
)  # the text prints nine; ten classes need ten


def classifier_of(logits, **options):
    """Return a model whose output is its input."""
    layer = Dense(len(logits), use_bias=False)
    model = cnnrs.Sequential((len(logits),), [layer], **options)
    layer.weight[...] = np.eye(len(logits))
    return model


@pytest.mark.parametrize("scale", [1, 100, 1e4])
def test_probabilities_of_classes(scale, rng):  # S01
    logits = scale * rng.standard_normal((50, 10))
    logits[0] = [1e4, -1e4] * 5
    model = classifier_of(logits[0])
    proba = model.predict_proba(logits)
    assert not np.isnan(proba).any()
    assert (proba >= 0).all()
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-6)
    assert np.array_equal(proba.argmax(axis=1), model.predict(logits))


def test_cat_dog_bird():  # S04
    model = classifier_of(np.zeros(3), dtype="float64", class_names=["bird", "cat", "dog"])
    answer = model.describe(np.log([0.05, 0.80, 0.15]))
    assert [name for name, _ in answer] == ["cat", "dog", "bird"]
    np.testing.assert_allclose([value for _, value in answer], [0.80, 0.15, 0.05], rtol=1e-12)


def test_the_sentence_about_a_three():  # S22
    soft = Softmax()
    model = cnnrs.Sequential((10,), [soft], dtype="float64", class_names=list(map(str, range(10))))
    with np.errstate(divide="ignore"):
        answer = model.describe(np.log(TEN_ENTRIES))
    assert answer[0][0] == "3"
    assert str(answer) == (
        "a 10% probability that the image is a 1, a 10% probability that the image is a 2, "
        "a 75% probability that the image is a 3, and a 5% probability that the image is a 9"
    )


def test_the_classic_line_builds_and_runs(rng):  # S05, S31
    model = cnnrs.from_text(CLASSIC)
    assert model.num_parameters == 120_298
    shapes = [line.output_shape for line in model.summary().layers]
    assert shapes == [(32, 32, 32)] * 4 + [(16, 16, 32)] * 2 + [(16, 16, 64)] * 2 + [
        (8, 8, 64),
        (4096,),
        (10,),
    ]
    assert model(rng.random((2, 32, 32, 3))).shape == (2, 10)


def test_relu_behind_pool_changes_nothing_in_training_and_prediction(rng):  # S31
    x, y = rng.random((8, 32, 32, 3)).astype(np.float32), rng.integers(0, 10, 8)
    results = []
    for line in (CLASSIC, CLASSIC.replace("Pool -> ReLU", "Pool")):
        model = cnnrs.from_text(line, seed=4)
        trainer = cnnrs.Trainer(model, optimizer=SGD(0.05, 0.9))
        for _ in range(3):
            trainer.train_step(x, y)
        results.append((model(x), model.runtime.arena.values.copy()))
    assert np.array_equal(results[0][0], results[1][0])
    assert np.array_equal(results[0][1], results[1][1])


@pytest.mark.slow
def test_the_classic_network_learns_cifar_10(data_dir):  # S31
    images = cnnrs.datasets.load_cifar10(data_dir=data_dir)
    x, y = images.x_train[:200].astype(np.float32) / 64 - 2, images.y_train[:200]
    trainer = cnnrs.Trainer(cnnrs.from_text(CLASSIC), optimizer=SGD(0.01, 0.9))
    history = trainer.fit((x, y), epochs=5, batch_size=20)
    assert history["loss"][-1] < 2.1


def test_a_filter_is_as_deep_as_the_input_it_was_made_for(rng):  # S06
    model = cnnrs.Sequential((32, 32, 4), [Conv2D(1, 5)])
    assert model.layers[0].weight.shape == (5, 5, 4, 1)
    with pytest.raises(ShapeError) as caught:
        model(rng.random((1, 32, 32, 3)))
    assert "32, 32, 4" in str(caught.value)
    assert "32, 32, 3" in str(caught.value)


def test_75_multiplications_at_each_of_784_positions():  # S07, S08
    summary = cnnrs.Sequential((32, 32, 3), [Conv2D(1, 5)]).summary()
    assert summary.layers[0].output_shape == (28, 28, 1)
    assert summary.layers[0].multiplications_per_output == 75
    assert summary.layers[0].multiply_adds == 784 * 75 == 58_800
    assert "75" in str(summary)
    assert "58,800" in str(summary)


@pytest.mark.parametrize("filters", [1, 2, 3, 7])
def test_more_filters_greater_depth(filters):  # S15
    assert cnnrs.Sequential((32, 32, 3), [Conv2D(filters, 5)]).output_shape == (28, 28, filters)


def test_a_second_convolution_takes_28x28x3():  # S18
    lines = cnnrs.Sequential((32, 32, 3), [Conv2D(3, 5), Conv2D(4, 5)]).summary().layers
    assert [line.output_shape for line in lines] == [(28, 28, 3), (24, 24, 4)]


def test_deeper_filters_see_more():  # S19
    model = cnnrs.Sequential((32, 32, 3), [Conv2D(3, 5), ReLU(), Conv2D(4, 5)])
    assert [line.field.size for line in model.summary().layers] == [(5, 5), (5, 5), (9, 9)]


def test_a_fully_connected_layer_puts_out_as_many_numbers_as_classes(rng):  # S21
    model = cnnrs.Sequential((4, 4, 3), [Flatten(), Dense(10)])
    assert model(rng.random((5, 4, 4, 3))).shape == (5, 10)
    assert model.num_parameters == 48 * 10 + 10


def test_which_features_speak_for_a_class(rng):  # S23
    model = cnnrs.from_text("Input 8x8x1 -> Conv3x3x4 -> ReLU -> FC3", seed=1)
    x = rng.random((1, 8, 8, 1)).astype(np.float32)
    features, head = model.activations(x)["flatten_1"][0], model.layer("dense_1")
    contributions = features * head.weight[:, 2]
    assert contributions.sum() + head.bias[2] == pytest.approx(model(x)[0, 2], rel=1e-5)


def test_weights_are_random_and_repeatable():  # S24
    first, again, other = (
        cnnrs.from_text(CLASSIC, seed=seed).runtime.arena.values for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    model = cnnrs.Sequential((400,), [Dense(300), ReLU(), Dense(2)])
    assert model.layers[0].weight.std() == pytest.approx(math.sqrt(2 / 400), rel=0.02)


def images_of_digits(request):
    """Return test images of MNIST if they are available, else the embedded digits."""
    try:
        folder = request.getfixturevalue("data_dir")
    except pytest.skip.Exception:
        digits = cnnrs.datasets.load_digits()
        return digits.x_test[:60] / 255, digits.y_test[:60]
    mnist = cnnrs.datasets.load_mnist(data_dir=folder)
    return mnist.x_test[:60] / 255, mnist.y_test[:60]


@pytest.mark.slow
@pytest.mark.parametrize("name", rest_is_slow(["classic", "lenet5", "small"], ["lenet5"]))
def test_at_first_no_class_is_preferred(name, request):  # S25
    x, y = images_of_digits(request)
    if x.shape[1] < 28 and name == "lenet5":
        pytest.skip("LeNet-5 needs larger images than the embedded digits: $CNNRS_DATA is not set")
    highest, losses_found = [], []
    for seed in range(100):
        model = cnnrs.zoo.create(name, input_shape=x.shape[1:], seed=seed)
        part = slice(seed % 50, seed % 50 + 10)
        highest.append(model.predict_proba(x[part]).max(axis=1).mean())
        losses_found.append(losses.CrossEntropy()(model(x[part]), y[part]))
    assert np.mean(highest) < 0.2
    assert abs(np.mean(losses_found) - 2.30) < 0.15


def test_four_parts_of_a_step(rng):  # S26
    x, y = rng.random((6, 8, 8, 1)), rng.integers(0, 3, 6)
    line = "Input 8x8x1 -> Conv3x3x4 -> ReLU -> Dropout 0.5 -> Pool -> FC3"
    whole, parts = (cnnrs.Trainer(cnnrs.from_text(line), optimizer=SGD(0.1, 0.9)) for _ in range(2))
    for _ in range(3):
        value = whole.train_step(x, y)
        parts.forward(x)
        assert parts.compute_loss(y) == value
        parts.backward()
        parts.update()
    assert np.array_equal(whole.model.runtime.arena.values, parts.model.runtime.arena.values)


def test_the_label_of_a_three_as_a_number_and_as_a_row():  # S27
    row = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    assert ops.one_hot([3], 10).tolist() == [row]
    output = np.linspace(-1, 1, 10)[None]
    for loss in (losses.CrossEntropy(), losses.HalfSumOfSquares(), losses.MeanSquaredError()):
        assert loss(output, [3]) == pytest.approx(loss(output, [row]), rel=1e-14)


def test_the_losses_of_a_first_output():  # S28
    output = np.full((1, 10), 0.1)
    assert losses.HalfSumOfSquares()(output, [3]) == pytest.approx(0.45, abs=1e-15)
    assert losses.MeanSquaredError()(output, [3]) == pytest.approx(0.09, abs=1e-15)
    assert losses.CrossEntropy()(output, [3]) == pytest.approx(2.302585, abs=1e-6)
    expected = output.copy()
    expected[0, 3] -= 1
    np.testing.assert_allclose(
        losses.HalfSumOfSquares().gradient(output, [3]), expected, rtol=1e-15
    )


def test_dl_dw_of_a_whole_network(rng):  # S29
    model = cnnrs.from_text(
        "Input 6x6x2 -> Conv3x3x3 same -> Tanh -> Pool -> Conv3x3x2 -> Sigmoid -> FC3",
        dtype="float64",
        seed=2,
    )
    x, y = rng.standard_normal((4, 6, 6, 2)), np.array([0, 1, 2, 1])
    trainer = cnnrs.Trainer(model, optimizer=SGD(0.0))
    trainer.train_step(x, y)
    for name, value in model.parameters().items():
        gradient = model.gradients()[name]
        for place in list(np.ndindex(value.shape))[::5]:
            value[place] += 1e-5
            above = losses.CrossEntropy()(model(x), y)
            value[place] -= 2e-5
            below = losses.CrossEntropy()(model(x), y)
            value[place] += 1e-5
            assert gradient[place] == pytest.approx(
                (above - below) / 2e-5, abs=1e-6 * np.abs(gradient).max() + 1e-11
            ), name


def test_the_update_rule(rng):  # S32
    model = cnnrs.Sequential((3,), [Dense(2)])
    trainer = cnnrs.Trainer(model, optimizer=SGD(0.25))
    before = model.runtime.arena.values.copy()
    trainer.train_step(rng.random((4, 3)), [0, 1, 1, 0])
    assert np.array_equal(
        model.runtime.arena.values, before - np.float32(0.25) * model.runtime.arena.gradients
    )
    assert np.vdot(model.runtime.arena.values - before, model.runtime.arena.gradients) < 0


@pytest.mark.slow
def test_too_high_a_learning_rate(request):  # S33
    x, y = images_of_digits(request)
    last = {}
    for rate in (1e-4, 1e-2, 0.3, 1e3):
        model = cnnrs.Sequential(x.shape[1:], [Flatten(), Dense(32), ReLU(), Dense(10)])
        trainer = cnnrs.Trainer(model, optimizer=SGD(rate))
        try:
            trainer.fit((x, y), epochs=30, batch_size=20)
            last[rate] = trainer.evaluate((x, y), leak="ignore")["loss"]
        except NonFiniteError:
            last[rate] = math.inf
    assert last[1e-4] > last[1e-2] > last[0.3] < last[1e3], "a valley"
    assert last[1e3] > 2.4, "worse than no training"


def test_iterations_of_an_epoch():  # S34
    x, y = np.zeros((60_000, 1), np.float32), np.zeros(60_000, int)
    trainer = cnnrs.Trainer(cnnrs.Sequential((1,), [Dense(2)]), optimizer=SGD(0.0), metrics=[])
    trainer.fit((x, y), batch_size=128)
    assert trainer.step == 469


def test_no_double_dipping(rng):  # S35
    x, y = rng.random((30, 4)), np.arange(30) % 3
    (train_x, train_y), (test_x, test_y) = (x[:20], y[:20]), (x[20:], y[20:])
    trainer = cnnrs.Trainer(cnnrs.Sequential((4,), [Dense(3)]))
    trainer.fit((train_x, train_y))
    trainer.evaluate((test_x, test_y))
    with pytest.warns(LeakWarning, match="trained on"):
        trainer.evaluate((train_x, train_y))
    with pytest.raises(ArgumentError, match="1 of these 11"):
        trainer.evaluate((x[19:], y[19:]), leak="refuse")


def test_comparing_the_outputs_to_the_ground_truth(rng):  # S36
    x, y = rng.random((40, 4)), rng.integers(0, 8, 40)
    model = cnnrs.Sequential((4,), [Dense(8)])
    result = cnnrs.Trainer(model, metrics=["accuracy", "top_5_accuracy"]).evaluate((x, y))
    ranks = np.argsort(-model(x), axis=1, kind="stable")
    assert result["accuracy"] == np.mean(ranks[:, 0] == y)
    assert result["top_5_accuracy"] == pytest.approx(
        np.mean((ranks[:, :5] == y[:, None]).any(axis=1)), abs=1e-12
    )
    matrix = cnnrs.metrics.confusion_matrix(y, model.predict(x), num_classes=8)
    assert np.trace(matrix) / 40 == result["accuracy"]


def test_shapes_known_without_running_are_those_that_run(rng):  # S46
    checked = 0
    while checked < 300:
        size, kernel, stride = rng.integers(1, 20, 2), rng.integers(1, 6, 2), rng.integers(1, 5, 2)
        padding, dilation = rng.integers(0, 4, 2), rng.integers(1, 4, 2)
        layer = Conv2D(
            1,
            tuple(kernel),
            stride=tuple(stride),
            padding=tuple(padding),
            dilation=tuple(dilation),
        )
        span = (kernel - 1) * dilation + 1
        if (span > size + 2 * padding).any():
            with pytest.raises(ShapeError):
                cnnrs.Sequential((*size, 1), [layer])
            continue
        model = cnnrs.Sequential((*size, 1), [layer])
        expected = (size - span + 2 * padding) // stride + 1
        assert model.output_shape == (*expected, 1)
        assert model(np.zeros((1, *size, 1))).shape == (1, *expected, 1)
        checked += 1


@pytest.mark.parametrize("pool", [MaxPool2D, AveragePool2D, LpPool2D])
@pytest.mark.parametrize("channels", [1, 3, 8])
def test_pooling_keeps_the_depth_and_a_quarter_of_the_activations(pool, channels):  # S54, S55
    model = cnnrs.Sequential((16, 12, channels), [pool(2)])
    assert model.output_shape == (8, 6, channels)
    assert math.prod(model.output_shape) * 4 == 16 * 12 * channels


def test_what_75_percent_is_true_of():  # S55
    def sizes(*middle):
        conv = cnnrs.Sequential((16, 16, 4), [*middle, Conv2D(8, 3)]).layers[-1]
        dense = cnnrs.Sequential((16, 16, 4), [*middle, Flatten(), Dense(10)]).layers[-1]
        return conv.weight.size, dense.weight.size

    (conv, dense), (pooled_conv, pooled_dense) = sizes(), sizes(MaxPool2D(2))
    assert pooled_conv == conv
    assert pooled_dense * 4 == dense
    text = str(
        cnnrs.from_text("Input 32x32x4 -> Pool -> Conv3x3x8 same -> ReLU -> Pool -> FC10").summary()
    )
    assert (
        "max_pool2d_1: 32x32x4 -> 16x16x4 keeps 25 % of the activations; the following conv2d_1 "
        "has the same number of weights with or without it" in text
    )
    assert (
        "max_pool2d_2: 16x16x8 -> 8x8x8 keeps 25 % of the activations; the following dense_1 has "
        "75 % fewer weights than without it" in text
    )


@pytest.mark.slow
def test_over_fitting_500_images_is_flagged(data_dir):  # S56
    images = cnnrs.datasets.load_cifar10(data_dir=data_dir)
    train = images.x_train[:500].astype(np.float32) / 64 - 2, images.y_train[:500]
    test = images.x_test[:1000].astype(np.float32) / 64 - 2, images.y_test[:1000]
    trainer = cnnrs.Trainer(cnnrs.from_text(CLASSIC), optimizer=SGD(0.01, 0.9))
    history = trainer.fit(train, epochs=35, batch_size=50, validation=test)
    assert history["accuracy"][-1] >= 0.99
    assert history["val_accuracy"][-1] <= 0.5
    assert "over-fitting" in history.report()


def test_dropout_is_used_in_training_only(rng):  # S57, S58
    x = rng.random((2, 1000, 1000)).astype(np.float32)
    model = cnnrs.Sequential((1000, 1000), [Dropout(0.5)])
    assert np.array_equal(model(x), x)
    trainer = cnnrs.Trainer(model, "mse", metrics=[])
    ones = np.ones((1, 1000, 1000), np.float32)
    output = trainer.forward(ones)
    assert abs(np.mean(output == 0) - 0.5) < 0.002
    assert np.unique(output).tolist() == [0, 2]
    assert abs(output.mean() - 1) < 0.005
    assert np.array_equal(trainer.forward(ones), output), "the same step, the same mask"
    assert np.array_equal(trainer.model.predict(ones), ones.argmax(axis=-1))
