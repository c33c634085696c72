"""Layers, losses, rules and model files handed everything that they cannot take: each ends in an
error of cnnrs, or works.
"""

import inspect
import itertools

import numpy as np
import pytest

import cnnrs
from cnnrs import callbacks, initializers, layers, losses, optimizers, schedules
from cnnrs.errors import CnnrsError, DTypeError, FormatError, ShapeError
from cnnrs.model.files.container import pack, unpack, write_atomically

VALUES = [
    *(
        -1,
        0,
        1,
        2.5,
        1e30,
        float("nan"),
        float("inf"),
        2**31,
        2**62,
        1j,
        None,
        True,
        np.int64(2),
        np.float32(1.5),
    ),
    *(
        "same",
        "banana",
        "relu",
        b"x",
        object(),
        {},
        [],
        [1],
        (1, 2),
        (0, 0),
        (-1, 2),
        (1, 2, 3),
        ((1,), (2,)),
        np.zeros(2),
        np.array([1, 2]),
    ),
]
SHAPES = [
    (8, 8, 4),
    (1, 1, 1),
    (0, 8, 4),
    (8, 8, 0),
    (4,),
    (3, 4),
    (2, 3, 4, 5),
    (),
    (2**31, 2**31, 4),
    (8, 8, 2**31),
]
DATA = [
    *(
        np.ones((2, 8, 8, 3)),
        np.ones((8, 8, 4)),
        np.ones((0, 8, 8, 4)),
        np.full((2, 8, 8, 4), np.nan),
        np.ones((2, 8, 8, 4), bool),
    ),
    *(
        np.ones((2, 8, 8, 4), complex),
        np.ones((2, 8, 8, 4), object),
        np.ones((2, 8, 8, 4), "M8[s]"),
        np.array([["a"]]),
    ),
    *("abc", None, [[1, 2], [3]], [], 1.5, {}),
]
LAYERS = [
    name
    for name in layers.__all__
    if inspect.isclass(getattr(layers, name)) and issubclass(getattr(layers, name), layers.Layer)
]
LAYERS.remove("Layer")
NEEDED = {
    "shape": (-1,),
    "target_shape": (16, 16),
    "axes": (1, 0, 2),
    "order": (1, 0, 2),
    "mean": 0.5,
    "std": 0.5,
    "rate": 0.5,
}
TARGETS = {
    "out of range": np.array([0, 1, 5, 3]),
    "negative": np.array([0, -1, 2, 3]),
    "not a number": np.array([0, np.nan, 2, 3]),
    "no integers": np.array([0, 1.5, 2, 3]),
    "too few": np.arange(3),
    "huge": np.array([0, 1, 2, 2**62]),
    "unsigned": np.array([0, 1, 2, 2**64 - 1], np.uint64),
    "texts": np.array(list("abcd")),
    "objects": np.array([object()] * 4),
    "complex": np.eye(5)[:4] * (1 + 0j),
    "nan in rows": np.where(np.eye(5)[:4] == 1, np.nan, 0),
    "infinite": np.where(np.eye(5)[:4] == 1, np.inf, 0),
    "another shape": np.zeros((4, 4)),
    "nothing": None,
    "none": np.zeros((0, 5)),
}


def attempt(function):
    """What it gives, or None if it is refused; what was meant for somebody else is let through."""
    problem: BaseException
    try:
        return function()
    except MemoryError:
        return None
    except (CnnrsError, TypeError) as error:
        problem = error
    words = ("unexpected keyword", "missing", "not iterable", "os.PathLike")  # Python's own
    assert str(problem)
    assert isinstance(problem, CnnrsError) or any(word in str(problem) for word in words), problem
    return None


def needed(cls):
    """The least arguments of a class."""
    signature = inspect.signature(cls).parameters.values()
    return {
        parameter.name: NEEDED.get(parameter.name, 2)
        for parameter in signature
        if parameter.default is parameter.empty
    }


def build(make, shape, count):
    nodes = [cnnrs.Input(shape) for _ in range(count)]
    return cnnrs.Model(nodes, make()(nodes if count > 1 else nodes[0]))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", LAYERS)
def test_arguments_and_shapes_of_layers(name):
    cls = getattr(layers, name)
    for parameter, value in itertools.product(inspect.signature(cls).parameters, VALUES):
        arguments = {**needed(cls), parameter: value}
        for count in (1, 2):
            model = attempt(lambda: build(lambda: cls(**arguments), (8, 8, 4), count))  # noqa: B023
            if (
                model is not None
                and model.runtime.arena.nbytes < 1e6
                and np.prod(model.output_shape, dtype=float) < 1e5
            ):
                x = np.ones((2, 8, 8, 4), np.float32)
                attempt(lambda: model([x] * count if count > 1 else x))  # noqa: B023
    for shape, count in itertools.product(SHAPES, (1, 2, 3)):
        attempt(lambda: build(lambda: cls(**needed(cls)), shape, count))  # noqa: B023


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", LAYERS)
def test_data_of_layers(name):
    cls = getattr(layers, name)
    for count, x in itertools.product((1, 2), DATA):
        model = attempt(lambda: build(lambda: cls(**needed(cls)), (8, 8, 4), count))  # noqa: B023
        if model is not None:
            given = [x] * count if count > 1 else x
            attempt(lambda: model(given))  # noqa: B023
            target = np.zeros((2, *model.output_shape))
            attempt(lambda: cnnrs.Trainer(model, loss="mse", metrics=[]).train_step(given, target))  # noqa: B023


def test_a_layer_of_one_input_is_no_place_to_join_two():
    nodes = [cnnrs.Input((4, 4, 1)), cnnrs.Input((4, 4, 1))]
    with pytest.raises(
        ShapeError,
        match=r"relu_1 of 4x4x1 and 4x4x1: ReLU takes 1 input, got 2; Add, Multiply and Concat "
        r"join several",
    ):
        layers.ReLU()(nodes)


@pytest.mark.parametrize("value", ["yes", 1, None, np.zeros(2)])
def test_a_flag_is_true_or_false(value):
    for make in (
        lambda: layers.Conv2D(1, 1, use_bias=value),
        lambda: layers.AveragePool2D(2, count_include_pad=value),
    ):
        with pytest.raises(DTypeError, match="expected True or False"):
            make()


FAMILIES = [
    (losses, losses.Loss),
    (optimizers, optimizers.Optimizer),
    (schedules, object),
    (callbacks, callbacks.Callback),
    (initializers, initializers.Initializer),
]
RULES = [
    getattr(module, name)
    for module, base in FAMILIES
    for name in module.__all__
    if inspect.isclass(getattr(module, name))
    and issubclass(getattr(module, name), base)
    and getattr(module, name) is not base
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("cls", RULES, ids=lambda cls: cls.__name__)
def test_arguments_of_rules(cls, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    signature = inspect.signature(cls).parameters.values()
    names = [
        parameter.name
        for parameter in signature
        if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    least = {
        parameter.name: 1
        for parameter in signature
        if parameter.default is parameter.empty and parameter.name in names
    }
    for name, value in itertools.product(names, VALUES):
        arguments = {**least, **({"path": "x"} if "path" in least else {}), name: value}
        attempt(lambda: cls(**arguments))  # noqa: B023


LOSSES = [cls for cls in RULES if issubclass(cls, losses.Loss)]


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("cls", LOSSES, ids=lambda cls: cls.__name__)
def test_wrong_targets_are_refused_and_change_nothing(cls, kind, rng):
    loss, target = cls(), TARGETS[kind]
    takes_values = not issubclass(
        cls, (losses.CrossEntropy, losses.Focal, losses.KLDivergence, losses.MultiClassHinge)
    )
    if kind == "no integers" and takes_values:
        target = target[:3]
    model = cnnrs.Sequential((5,), [layers.Dense(5)])
    trainer = cnnrs.Trainer(model, loss=loss, metrics=[])
    x, before = rng.standard_normal((4, 5)).astype(np.float32), model.state_dict()
    for call in (
        lambda: loss(x, target),
        lambda: loss.gradient(x, target),
        lambda: trainer.train_step(x, target),
        lambda: trainer.evaluate((x, target)),
    ):
        with pytest.raises(CnnrsError):
            call()
    assert all(np.array_equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("cls", LOSSES, ids=lambda cls: cls.__name__)
def test_what_no_model_puts_out(cls):
    for output in (
        "x",
        None,
        1.5,
        np.float32(1),
        np.ones((4, 5), complex),
        np.full((4, 5), object()),
    ):
        for target in (np.arange(4), np.eye(5)[:4]):
            with pytest.raises(DTypeError, match="output"):
                cls()(output, target)


@pytest.mark.slow
def test_architectures_that_are_forged(tmp_path):
    """Any part of the architecture replaced by anything, with checksums that are right: refused
    with the name of the file, or a model.
    """
    x = cnnrs.Input((12, 12, 3))
    y = layers.BatchNorm()(layers.Conv2D(4, 3, padding="same")(x))
    y = layers.GroupNorm(2)(layers.MaxPool2D(2)(layers.Add()([layers.ReLU()(y), y])))
    model = cnnrs.Model(x, layers.Dense(5)(layers.Flatten()(y)), class_names=list("abcde"))
    model.save(tmp_path / "good.cnnrs")
    content, tensors = unpack((tmp_path / "good.cnnrs").read_bytes())
    del content["sha256"]

    def places(value):
        """Every part: where it stands, and under which key."""
        for key in (
            value
            if isinstance(value, dict)
            else range(len(value))
            if isinstance(value, list)
            else ()
        ):
            yield value, key
            yield from places(value[key])

    forged, refused = tmp_path / "forged.cnnrs", 0
    for holder, key in list(places(content)):
        kept = holder[key]
        for value in (
            -1,
            10**30,
            2**40,
            1.5,
            None,
            True,
            "",
            "same",
            [],
            [-1, 2],
            {},
            "Layer",
            "__class__",
        ):
            holder[key] = value
            forged.write_bytes(b"".join(pack(content, tensors)))
            message = f"{forged}: "
            try:
                cnnrs.load(forged)
            except FormatError as error:
                message, refused = str(error), refused + 1
            except MemoryError:
                refused += 1
            assert message.startswith(f"{forged}: ")
        holder[key] = kept
    assert refused > 800
    write_atomically(forged, pack(content, tensors))
    assert cnnrs.load(forged).num_parameters == model.num_parameters


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda tensors: tensors.pop("dense_1.bias"), "'dense_1.bias' is missing"),
        (lambda tensors: tensors.update({"more.weight": np.zeros(3, np.float32)}), "'more.weight'"),
        (
            lambda tensors: tensors.update({"dense_1.bias": np.zeros(4, np.float32)}),
            r"dense_1.bias has shape \(4,\)",
        ),
        (
            lambda tensors: tensors.update({"dense_1.bias": np.zeros(3)}),
            "'dense_1.bias' is float64, and the model is float32",
        ),
        (
            lambda tensors: tensors.update({"dense_1.bias": np.zeros(3, np.int32)}),
            "'dense_1.bias' is int32",
        ),
    ],
)
def test_tensors_that_do_not_belong(change, words, tmp_path):
    model = cnnrs.Sequential((4,), [layers.Dense(3)])
    model.save(tmp_path / "good.cnnrs")
    content, tensors = unpack((tmp_path / "good.cnnrs").read_bytes())
    tensors = dict(tensors)
    change(tensors)
    del content["sha256"]
    write_atomically(tmp_path / "bad.cnnrs", pack(content, tensors))
    with pytest.raises(FormatError, match=words):
        cnnrs.load(tmp_path / "bad.cnnrs")
