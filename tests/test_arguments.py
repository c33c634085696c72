"""One dialect of errors: `name: expected …, got …`, with a class for each kind of fault."""

import re

import numpy as np
import pytest

from cnnrs import _arguments, data, datasets, initializers, losses, optimizers, schedules
from cnnrs.errors import ArgumentError, DTypeError, ShapeError

X, Y = np.zeros((4, 2, 2, 1)), np.array([0, 1, 0, 1])


@pytest.mark.parametrize(
    ("check", "error"), [(_arguments.integer, ArgumentError), (_arguments.size, ShapeError)]
)
def test_integers_and_sizes(check, error):
    assert check("n", np.int8(3)) == 3
    with pytest.raises(error, match=r"^n: expected at least 1, got 0$"):
        check("n", 0, 1)
    with pytest.raises(error, match=r"^n: expected at most 2, got 3$"):
        check("n", 3, 0, 2)
    for value in (2.0, "2", True, None, np.bool_(True), [2]):
        with pytest.raises(
            DTypeError, match=f"^n: expected an integer, got {re.escape(repr(value))}$"
        ):
            check("n", value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, 1),
        (np.int64(2), 2),
        ("same", "same"),
        ("valid", "valid"),
        ([1, 0], (1, 0)),
        (np.array([1, 2]), (1, 2)),
        (((1, 2), (3, 4)), ((1, 2), (3, 4))),
        ([[1, 2], [3, 4]], ((1, 2), (3, 4))),
    ],
)
def test_padding(value, expected):
    assert _arguments.padding("padding", value) == expected


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ("banana", ArgumentError),
        (-1, ShapeError),
        ((1, -1), ShapeError),
        ((1, 2, 3), ShapeError),
        ((), ShapeError),
        ((1, (2, 3)), ShapeError),
        (((1, 2), (3,)), ShapeError),
        (((1, 2), (3, -4)), ShapeError),
        (1.5, DTypeError),
        (None, DTypeError),
        (True, DTypeError),
        ((1, "2"), DTypeError),
        ((("1", 2), (3, 4)), DTypeError),
    ],
)
def test_padding_is_refused(value, error):
    with pytest.raises(error, match=r"^padding: expected .*, got "):
        _arguments.padding("padding", value)


@pytest.mark.parametrize("value", ["yes", 1, 0, None, 1.0, [True]])
@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("shuffle", lambda value: data.Loader((X, Y), shuffle=value)),
        ("drop_last", lambda value: data.Loader((X, Y), drop_last=value)),
        ("balanced", lambda value: data.Loader((X, Y), balanced=value)),
        ("stratify", lambda value: data.split((X, Y), (0.5, 0.5), stratify=value)),
        ("stratify", lambda value: data.split_indices(Y, (0.5, 0.5), stratify=value)),
        ("stack", lambda value: data.collate([(X[0], 0)], stack=value)),
        ("stack", lambda value: data.fetch(data.from_arrays(X, Y), [0], stack=value)),
        ("download", lambda value: datasets.load("digits", download=value)),
        ("download", lambda value: datasets.load_mnist("/nowhere", download=value)),
        ("download", lambda value: datasets.load_fashion_mnist("/nowhere", download=value)),
        ("download", lambda value: datasets.load_cifar10("/nowhere", download=value)),
        ("squared", lambda value: losses.MultiClassHinge(squared=value)),
        ("nesterov", lambda value: optimizers.SGD(0.1, 0.9, nesterov=value)),
        ("nesterov", lambda value: optimizers.Muon(nesterov=value)),
        ("decay_biases", lambda value: optimizers.SGD(decay_biases=value)),
        ("centered", lambda value: optimizers.RMSprop(centered=value)),
        ("amsgrad", lambda value: optimizers.Adam(amsgrad=value)),
        ("amsgrad", lambda value: optimizers.AdamW(amsgrad=value)),
    ],
)
def test_flags_are_bools(name, call, value):
    with pytest.raises(
        DTypeError, match=f"^{name}: expected True or False, got {re.escape(repr(value))}$"
    ):
        call(value)


@pytest.mark.parametrize(
    "call",
    [
        lambda: data.Loader((X, Y), 0),
        lambda: data.Loader((X, Y), seed=-1),
        lambda: data.Loader((X, Y), prefetch=0),
        lambda: data.Loader((X, Y), threads=-1),
        lambda: data.Loader((X, Y)).set_epoch(-1),
        lambda: data.Loader((X, Y)).order(-1),
        lambda: next(data.Loader((X, Y)).batches(0, -1)),
        lambda: data.stratified_kfold(Y, 1),
        lambda: data.read_image("a.png", "bgr"),
        lambda: losses.Huber(0),
        lambda: losses.SmoothL1(-1),
        lambda: losses.Dice(0),
        lambda: optimizers.SGD(clip_norm=0),
        lambda: optimizers.Group("*", max_norm=0),
        lambda: optimizers.RMSprop(rho=1.5),
        lambda: schedules.Constant(-1),
        lambda: schedules.Cosine(0.1, -1),
        lambda: schedules.Exponential(0.1, 0),
        lambda: schedules.MultiStep(0.1, [-1]),
        lambda: schedules.WarmUp(-0.1, 1),
        lambda: schedules.OneCycle(0.1, initial_factor=-1),
        lambda: schedules.Plateau(0.1, min_rate=-1),
        lambda: initializers.Normal(-1),
    ],
)
def test_values_out_of_bounds(call):
    with pytest.raises(ArgumentError, match=r"^\w+: expected .+, got .+"):
        call()


@pytest.mark.parametrize(
    "value",
    [
        optimizers.SGD(0.1),
        optimizers.SGD(schedules.WarmUp(schedules.Cosine(0.1, 0.01), 2), 0.9, nesterov=True),
        optimizers.Adam(betas=(0.8, 0.9), amsgrad=True, clip_norm=1.0),
        optimizers.AdamW(weight_decay=0.1, groups=[optimizers.Group("*.bias", rate_factor=2.0)]),
        optimizers.Muon(scale="original", weight_decay=0.0),
        optimizers.RMSprop(rho=0.9, epsilon=1e-3, centered=True),
        optimizers.Adagrad(initial_value=0.5),
        optimizers.Lion(1e-4, (0.9, 0.95)),
        optimizers.EMA(0.9),
        optimizers.SWA(start=10),
        schedules.Constant(0.1),
        schedules.Step(0.1, 3, factor=0.5),
        schedules.MultiStep(0.1, [3, 5]),
        schedules.Exponential(0.1, 0.9),
        schedules.Restarts(0.1, 3, growth=2.0, final_rate=0.01),
        schedules.Polynomial(0.1, power=2),
        schedules.OneCycle(0.1, 0.4),
        schedules.Plateau(0.1, "val_accuracy", patience=3),
        losses.CrossEntropy(0.1, class_weights=[1, 2], ignore_index=255),
        losses.BinaryFocal(alpha=None),
        losses.BinaryCrossEntropy([1.0, 3.0]),
        losses.SmoothL1(0.5),
        losses.MeanSquaredError(),
        initializers.Constant(0.5),
        initializers.Uniform(-1.0, 1.0),
        initializers.HeNormal(),
        initializers.LecunUniform(0.1),
    ],
    ids=repr,
)
def test_repr_can_be_pasted(value):
    packages = (schedules, optimizers, losses, initializers)
    own = [package for package in packages if type(value).__module__.startswith(package.__name__)]
    names = {name: part for package in (*packages, *own) for name, part in vars(package).items()}
    again = eval(repr(value), names)
    assert type(again) is type(value)
    assert repr(again) == repr(value)
    assert {name: str(part) for name, part in vars(again).items() if name[0] != "_"} == {
        name: str(part) for name, part in vars(value).items() if name[0] != "_"
    }


def test_repr_leaves_defaults_out():
    assert repr(optimizers.AdamW(1e-3)) == "AdamW()"
    assert repr(optimizers.SGD(0.1, 0.9)) == "SGD(learning_rate=0.1, momentum=0.9)"
    assert repr(schedules.Cosine(0.1)) == "Cosine(0.1)"
    assert repr(losses.Huber()) == "Huber()"


def test_repr_of_an_optimizer_that_keeps_its_settings_elsewhere():
    class Own(optimizers.Optimizer):
        def __init__(self, speed):
            super().__init__(speed)

    assert repr(Own(0.1)) == "Own()"


def test_repr_of_data():
    source = data.from_arrays(X, Y)
    text = "ArraySource(x=float64(4, 2, 2, 1), y=int64(4,))"
    assert repr(source) == text
    assert repr(data.Loader(source, 2)) == f"Loader({text}, batch_size=2)"
    loader = data.Loader(source, 2, shuffle=True, seed=3, transform=print)
    settings = "batch_size=2, shuffle=True, seed=3, transform=<built-in function print>"
    assert repr(loader) == f"Loader({text}, {settings})"
    assert repr(data.Loader(source, weights=[1, 1, 2, 0])).endswith("weights=<4 numbers>)")
    first, _ = data.split(source, (1, 3), stratify=False)
    assert repr(first) == f"Subset({text}, 1 of 4 samples)"
