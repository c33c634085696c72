"""Spellings of earlier versions: each names the new one."""

import importlib
import inspect
from functools import partial

import numpy as np
import pytest

from cnnrs import _renamed, data, losses, metrics, ops, optimizers, schedules
from cnnrs.errors import ArgumentError, DTypeError
from cnnrs.optimizers.muon import orthogonalize

OLD_NAMES = {
    data: {
        "arrays": data.from_arrays,
        "coco": data.from_coco,
        "csv": data.from_csv,
        "folder": data.from_folder,
        "masks": data.from_masks,
        "memmap": data.from_memmap,
        "voc": data.from_voc,
    },
    losses: {"MAE": losses.MeanAbsoluteError, "MSE": losses.MeanSquaredError},
    ops: {"avg_pool2d": ops.average_pool2d, "move_towards": ops.lerp},
}


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [(module, old, new) for module, names in OLD_NAMES.items() for old, new in names.items()],
)
def test_old_names_of_a_module(module, old, new):
    with pytest.warns(DeprecationWarning, match=f"{old} is deprecated; write .*{new.__name__}$"):
        assert getattr(module, old) is new
    assert old not in module.__all__


def test_old_names_can_be_imported():
    with pytest.warns(DeprecationWarning, match="write cnnrs.data.from_csv") as caught:
        exec("from cnnrs.data import csv", {})
    assert caught[0].filename == "<string>"  # the caller's line


@pytest.mark.parametrize("module", OLD_NAMES)
def test_unknown_names_stay_unknown(module):
    with pytest.raises(AttributeError, match=f"module '{module.__name__}' has no attribute 'csx'"):
        module.csx  # noqa: B018
    assert importlib.import_module(module.__name__) is module


@pytest.mark.parametrize(
    ("old", "new", "keyword"),
    [
        (lambda: optimizers.Adam(eps=0.1), optimizers.Adam(epsilon=0.1), "epsilon"),
        (lambda: optimizers.AdamW(eps=0.1), optimizers.AdamW(epsilon=0.1), "epsilon"),
        (lambda: optimizers.Muon(eps=0.1), optimizers.Muon(epsilon=0.1), "epsilon"),
        (lambda: optimizers.RMSprop(eps=0.1), optimizers.RMSprop(epsilon=0.1), "epsilon"),
        (lambda: optimizers.RMSprop(alpha=0.9), optimizers.RMSprop(rho=0.9), "rho"),
        (lambda: optimizers.Adagrad(eps=0.1), optimizers.Adagrad(epsilon=0.1), "epsilon"),
        (
            lambda: optimizers.Adagrad(start=0.1),
            optimizers.Adagrad(initial_value=0.1),
            "initial_value",
        ),
        (lambda: schedules.Plateau(1, lowest=0.1), schedules.Plateau(1, min_rate=0.1), "min_rate"),
        (lambda: schedules.Cosine(1, final=0.1), schedules.Cosine(1, final_rate=0.1), "final_rate"),
        (
            lambda: schedules.Polynomial(1, final=0.1),
            schedules.Polynomial(1, final_rate=0.1),
            "final_rate",
        ),
        (lambda: schedules.Restarts(1, first=2), schedules.Restarts(1, 2), "first_epochs"),
        (
            lambda: schedules.Restarts(1, 2, stretch=3),
            schedules.Restarts(1, 2, growth=3),
            "growth",
        ),
        (
            lambda: schedules.Restarts(1, 2, final=0.1),
            schedules.Restarts(1, 2, final_rate=0.1),
            "final_rate",
        ),
        (
            lambda: schedules.OneCycle(1, up=0.4),
            schedules.OneCycle(1, peak_fraction=0.4),
            "peak_fraction",
        ),
        (
            lambda: schedules.OneCycle(1, start=0.2),
            schedules.OneCycle(1, initial_factor=0.2),
            "initial_factor",
        ),
        (
            lambda: schedules.OneCycle(1, final=0.2),
            schedules.OneCycle(1, final_factor=0.2),
            "final_factor",
        ),
    ],
)
def test_old_keywords(old, new, keyword):
    with pytest.warns(DeprecationWarning, match=f"deprecated; write {keyword}=$"):
        assert repr(old()) == repr(new)


def test_old_keywords_of_operations():
    x = np.array([-2.0, 3.0])
    with pytest.warns(DeprecationWarning, match="write negative_slope=$"):
        assert ops.leaky_relu(x, slope=0.5).tolist() == [-1, 3]
    with pytest.warns(DeprecationWarning, match="write negative_slope=$"):
        assert ops.leaky_relu_backward(x, x, slope=0.5).tolist() == [-1, 3]


@pytest.mark.parametrize(
    ("step", "old", "new"),
    [
        (partial(ops.adam_step, step=2), {"eps": 0.1}, {"epsilon": 0.1}),
        (ops.rmsprop_step, {"eps": 0.1}, {"epsilon": 0.1}),
        (ops.rmsprop_step, {"alpha": 0.9}, {"rho": 0.9}),
        (ops.adagrad_step, {"eps": 0.1}, {"epsilon": 0.1}),
        (ops.adagrad_step, {"start": 0.1}, {"initial_value": 0.1}),
    ],
)
def test_old_keywords_of_optimizer_steps(step, old, new):
    count = 2 if isinstance(step, partial) else 1  # arrays of state; Adam has two

    def stepped(setting):
        weight = np.array([1.0, 2.0])
        state = [np.zeros(2) for _ in range(count)]
        step(weight, np.array([3.0, -4.0]), *state, learning_rate=0.5, **setting)
        return weight.tolist()

    with pytest.warns(DeprecationWarning, match=f"deprecated; write {next(iter(new))}=$"):
        found = stepped(old)
    assert found == stepped(new) != stepped({})


def test_an_old_keyword_beside_the_new_one():
    with pytest.raises(TypeError, match="'epsilon' and its old name 'eps'"):
        optimizers.Adam(eps=1e-3, epsilon=1e-3)


X, Y = np.zeros((4, 2, 2, 1)), np.array([0, 1, 0, 1])


@pytest.mark.parametrize(
    ("call", "spelling"),
    [
        (lambda: optimizers.SGD(0.1, 0.9, True), "nesterov=True"),
        (lambda: optimizers.Adam(0.1, (0.9, 0.99), 1e-3, True), "epsilon=0.001, amsgrad=True"),
        (lambda: optimizers.Group("*.bias", 0.1), "rate_factor=0.1"),
        (lambda: schedules.Step(0.1, 3, 0.5), "factor=0.5"),
        (lambda: schedules.MultiStep(0.1, [3], 0.5), "factor=0.5"),
        (lambda: schedules.Restarts(0.1, 3, 2), "growth=2"),
        (lambda: schedules.OneCycle(0.1, 0.3, 0.1), "initial_factor=0.1"),
        (lambda: schedules.Polynomial(0.1, 0.0, 2), "power=2"),
        (lambda: schedules.Plateau(0.1, "loss", 0.5), "factor=0.5"),
        (lambda: losses.CrossEntropy(0.1, [1, 2]), r"class_weights=\[1, 2\]"),
        (lambda: losses.Focal(2, [1, 2]), r"class_weights=\[1, 2\]"),
        (lambda: losses.MultiClassHinge(1, True), "squared=True"),
        (lambda: metrics.top_k_accuracy([0], [[1.0]], 1), "k=1"),
        (lambda: metrics.confusion_matrix([0], [0], 2), "num_classes=2"),
        (lambda: metrics.class_scores([0], [0], 2), "num_classes=2"),
        (lambda: metrics.reliability([0], [[1.0]], 5), "bins=5"),
        (lambda: metrics.calibration_error([0], [[1.0]], 5), "bins=5"),
        (lambda: metrics.wilson_interval(1, 2, 0.9), "confidence=0.9"),
        (lambda: data.from_arrays(X, Y, ["a", "b"]), r"class_names=\['a', 'b'\]"),
        (lambda: data.from_memmap("x", "y", ("a",)), r"class_names=\('a',\)"),
        (lambda: data.from_folder("photos", 32), "size=32"),
        (lambda: data.from_csv("table.csv", "photos"), "images='photos'"),
        (lambda: data.from_masks("a", "b", 32), "size=32"),
        (lambda: data.from_coco("a", "b", 32), "size=32"),
        (lambda: data.from_voc("a", "train", 32), "size=32"),
        (lambda: data.Loader((X, Y), 2, True), "shuffle=True"),
        (lambda: data.split((X, Y), (0.5, 0.5), False), "stratify=False"),
        (lambda: data.split_indices(Y, (0.5, 0.5), False), "stratify=False"),
        (lambda: data.stratified_kfold(Y, 2, 1), "seed=1"),
        (lambda: data.read_image("a.png", "rgb", 32), "size=32"),
        (lambda: data.read_mask("a.png", 32), "size=32"),
        (lambda: data.decode_image(b"", "rgb", 32), "size=32"),
        (lambda: orthogonalize(X, 5, 1e-3), "epsilon=0.001"),
    ],
)
def test_too_many_positional_arguments_name_the_keyword(call, spelling):
    with pytest.raises(TypeError, match=rf"positional arguments?; write {spelling}$"):
        call()


def test_a_metric_is_named_as_its_function():
    with pytest.raises(ArgumentError, match="metrics: expected 'roc_auc', got 'auc'"):
        metrics.get("auc")
    for name in ("roc_auc", "average_precision", "calibration_error", "accuracy", "f1"):
        assert metrics.get(name)[0] == name
        assert callable(getattr(metrics, name))
    scores = np.arange(12.0).reshape(2, 6)
    assert metrics.get("top_k_accuracy")[1](np.array([1, 0]), scores) == 0.5


def test_a_decorated_function_keeps_its_signature():
    assert list(inspect.signature(data.Loader).parameters)[:3] == ["data", "batch_size", "shuffle"]
    assert str(inspect.signature(metrics.top_k_accuracy)).endswith("*, k: 'int' = 5) -> 'float'")


def test_only_a_missing_keyword_is_left_to_python():
    @_renamed.keywords()
    def draw(shape, color="black"):
        return shape, color

    with pytest.raises(TypeError, match="takes from 1 to 2 positional arguments"):
        draw(1, 2, 3)


def test_unknown_keywords_get_the_closest_name_or_a_hint():
    @_renamed.keywords({"ink": "color=", "brush": "pen=", "size": "two numbers"})
    def draw(shape, *, color="black", height=1):
        return shape, color, height

    for given, words in (
        ({"ink": 1}, "draw: unknown argument 'ink'; write color="),
        ({"size": 1}, "draw: unknown argument 'size'; write two numbers"),
        ({"heigth": 1}, "draw: unknown argument 'heigth'; did you mean height="),
        ({"brush": 1}, "draw: unknown argument 'brush'; expected one of shape, color, height"),
    ):
        with pytest.raises(DTypeError, match=words):
            draw(1, **given)
    assert draw(1, height=2) == (1, "black", 2)
    assert list(inspect.signature(draw).parameters) == ["shape", "color", "height"]


def test_functions_that_take_any_keyword():
    @_renamed.keywords(colour="color")
    def draw(shape, *, color="black", **more):
        return color, more

    with pytest.warns(DeprecationWarning, match="write color="):
        assert draw(1, colour="red", ink=2) == ("red", {"ink": 2})
    with pytest.raises(DTypeError, match=r"write color='red'$"):
        draw(1, "red")
