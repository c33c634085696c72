"""Arguments of layers: by keyword after the first two; other spellings say what to write."""

import inspect

import numpy as np
import pytest

import cnnrs
from cnnrs import layers
from cnnrs.errors import ArgumentError, DTypeError
from cnnrs.layers import Conv2D, Conv2DTranspose, Dense, Layer

CLASSES = [
    item
    for item in (getattr(layers, name) for name in layers.__all__)
    if isinstance(item, type) and issubclass(item, Layer)
]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_no_layer_takes_more_than_two_arguments_by_position(cls):
    parameters = inspect.signature(cls).parameters.values()
    assert all(item.kind not in (item.VAR_POSITIONAL, item.VAR_KEYWORD) for item in parameters)
    positional = [item for item in parameters if item.kind is item.POSITIONAL_OR_KEYWORD]
    assert len(positional) <= 2
    assert not any(isinstance(item.default, bool) for item in positional)
    assert list(inspect.signature(cls).parameters)[-1] == "name"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: Conv2D(3, 16, 5), r"Conv2D\(\) takes 2 .*; write stride=5; .* learns it from"),
        (lambda: Conv2DTranspose(8, 3, 2, 1, 0), "write stride=2, padding=1, output_padding=0;"),
        (lambda: layers.SeparableConv2D(8, 3, 2), "write stride=2"),
        (lambda: layers.DepthwiseConv2D(3, 2), "write stride=2"),
        (lambda: Dense(784, 10), "write activation=10; the number of input channels"),
        (lambda: Dense(10, "relu"), "write activation='relu'"),
        (lambda: layers.MaxPool2D(2, 2, 1), "write padding=1"),
        (lambda: layers.AveragePool2D(2, 2, 1, "ceil"), "write padding=1, rounding='ceil'"),
        (lambda: layers.LpPool2D(2, 2, 1), "write padding=1"),
        (lambda: layers.MaxUnpool2D(2, 2, 1), "write padding=1"),
        (lambda: layers.BatchNorm(64), "takes 0 positional arguments; write momentum=64; the"),
        (lambda: layers.LayerNorm(1e-3), r"write epsilon=0\.001"),
        (lambda: layers.InstanceNorm(1e-3), r"InstanceNorm\(\) takes 0 .* write epsilon=0\.001"),
        (lambda: layers.GroupNorm(4, 1e-3), r"write epsilon=0\.001"),
        (lambda: layers.LocalResponseNorm(5, 1e-4), r"write alpha=0\.0001"),
        (lambda: layers.PReLU(0.25, True), "write shared=True"),
        (lambda: layers.ReLU("act"), r"^ReLU\(\) takes 0 .* write name='act'"),
        (lambda: layers.Add(layers.ReLU()), r"^Add\(\) takes 0 positional arguments"),
        (lambda: layers.SpatialDropout2D(0.5, "drop"), r"^SpatialDropout2D\(\) takes 1 .* name="),
    ],
)
def test_an_argument_by_position_names_its_keyword(call, words):
    with pytest.raises(DTypeError, match=words) as caught:
        call()
    assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: Conv2D(8, kernel=3), "^Conv2D: unknown argument 'kernel'; did you mean kernel_si"),
        (lambda: Conv2D(8, 3, strides=2), r"did you mean stride=\?"),
        (lambda: Conv2D(num_filters=8, kernel_size=3), r"did you mean filters=\?"),
        (lambda: Conv2D(8, 3, in_channels=3), "write nothing: the layer learns it from its input"),
        (lambda: Conv2D(out_channels=8, kernel_size=3), "write filters="),
        (lambda: Conv2D(8, 3, bias=False), "write use_bias="),
        (lambda: Conv2D(8, 3, kernel_initializer="ones"), "did you mean weight_initializer="),
        (lambda: Conv2D(8, 3, input_shape=(8, 8, 1)), r"cnnrs\.Sequential\(input_shape, layers\)"),
        (lambda: Dense(out_features=3), "write units="),
        (lambda: layers.MaxPool2D(pool_size=2), "write kernel_size="),
        (lambda: layers.Dropout(p=0.5), "write rate="),
        (lambda: layers.Upsample2D(size=2), "write factor="),
        (lambda: layers.Upsample2D(mode="bilinear"), "write interpolation="),
        (lambda: layers.LeakyReLU(alpha=0.1), "write negative_slope="),
        (lambda: layers.BatchNorm(num_features=8), "learns it from its input"),
        (lambda: layers.ReLU(inplace=True), "^ReLU: unknown argument 'inplace'; write the layer"),
        (lambda: layers.ReLU(zzz=True), "expected one of name"),
    ],
)
def test_keywords_of_other_libraries(call, words):
    with pytest.raises(DTypeError, match=words):
        call()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (lambda: layers.BatchNorm(eps=0.1), layers.BatchNorm(epsilon=0.1)),
        (lambda: layers.GroupNorm(2, eps=0.1), layers.GroupNorm(2, epsilon=0.1)),
        (lambda: layers.LeakyReLU(slope=0.1), layers.LeakyReLU(negative_slope=0.1)),
        (lambda: layers.PReLU(initial_slope=0.1), layers.PReLU(negative_slope=0.1)),
    ],
)
def test_old_keywords(old, new):
    with pytest.warns(DeprecationWarning, match="is deprecated; write "):
        assert repr(old()) == repr(new)


@pytest.mark.parametrize(
    ("name", "new"),
    [("Conv2d", "Conv2D"), ("Linear", "Dense"), ("BatchNormalization", "BatchNorm")],
)
def test_names_of_layers_in_other_libraries(name, new):
    with pytest.raises(AttributeError, match=f"there is no cnnrs.layers.{name}; write {new}$"):
        getattr(layers, name)
    assert all(hasattr(layers, new) for new in layers.spellings.CLASSES.values())


@pytest.mark.parametrize(
    ("layer", "name", "new"),
    [
        (Dense(3), "kind", r"type\(layer\)\.__name__"),
        (layers.LeakyReLU(), "slope", "negative_slope"),
        (layers.PReLU(), "initial_slope", "negative_slope"),
    ],
)
def test_old_attributes_of_layers(layer, name, new):
    with pytest.raises(AttributeError, match=f"has no attribute '{name}'; write {new}$"):
        getattr(layer, name)


def test_the_old_name_of_a_layer():
    with pytest.warns(DeprecationWarning, match=r"write cnnrs\.layers\.Upsample2D"):
        assert layers.UpSample2D is layers.Upsample2D
    with pytest.raises(AttributeError, match=r"'cnnrs\.layers' has no attribute 'Banana'"):
        layers.Banana  # noqa: B018


@pytest.mark.parametrize(
    "make",
    [
        lambda padding: Conv2D(8, 3, padding=padding),
        lambda padding: Conv2DTranspose(8, 3, padding=padding),
        lambda padding: layers.DepthwiseConv2D(3, padding=padding),
        lambda padding: layers.SeparableConv2D(8, 3, padding=padding),
        lambda padding: layers.MaxPool2D(padding=padding),
        lambda padding: layers.AveragePool2D(padding=padding),
        lambda padding: layers.LpPool2D(padding=padding),
        lambda padding: layers.MaxUnpool2D(padding=padding),
        lambda padding: layers.ZeroPad2D(padding),
        lambda padding: layers.Crop2D(padding),
    ],
)
def test_padding_is_checked_in_the_constructor(make):
    for wrong in ("banana", -1, (1, 2, 3), 1.5, ((1, 2), 3)):
        with pytest.raises(cnnrs.errors.CnnrsError, match=r"(padding|cropping): expected"):
            make(wrong)


@pytest.mark.parametrize(
    "make",
    [
        lambda value: Conv2D(8, 3, use_bias=value),
        lambda value: Dense(8, use_bias=value),
        lambda value: layers.BatchNorm(affine=value),
        lambda value: layers.GroupNorm(2, affine=value),
        lambda value: layers.AveragePool2D(count_include_pad=value),
        lambda value: layers.PReLU(shared=value),
    ],
)
def test_flags_refuse_what_is_no_bool(make):
    for wrong in ("no", 1, None):
        with pytest.raises(DTypeError, match="expected True or False, got"):
            make(wrong)
    make(np.True_)


# --- repr -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "text",
    [
        "Conv2D(8, 3)",
        "Conv2D(8, 3, padding='same')",
        "Conv2D(8, (3, 5), stride=2, padding=((1, 0), (2, 2)), activation='relu', name='first')",
        "Conv2D(8, 3, weight_initializer=Normal(std=0.1), bias_initializer=Ones())",
        "DepthwiseConv2D(3, use_bias=False)",
        "SeparableConv2D(8, 3, depth_multiplier=2)",
        "Conv2DTranspose(8, 2, stride=2)",
        "Dense(10)",
        "Dense(10, activation='relu')",
        "MaxPool2D()",
        "MaxPool2D(kernel_size=3, stride=2)",
        "MaxPool2D(kernel_size=3)",
        "BatchNorm(epsilon=0.001)",
        "GroupNorm(4)",
        "ReLU()",
        "ReLU(name='act')",
        "Add(name='sum')",
        "Softmax()",
        "Reshape((2, 2))",
        "Normalize([1.0, 2.0], [1.0, 1.0])",
        "ZeroPad2D(padding=((1, 0), (0, 0)))",
        "Upsample2D(interpolation='bilinear')",
    ],
)
def test_repr_can_be_pasted(text):
    names = {**vars(layers), **vars(cnnrs.initializers)}
    layer = eval(text, names)
    assert repr(layer) == text
    assert eval(repr(layer), names).config() == layer.config()
    assert inspect.signature(type(layer)).parameters.keys() == layer.config().keys()


def test_repr_of_a_layer_that_keeps_its_arguments_elsewhere():
    class Odd(Layer):
        def __init__(self, colour, *, name=None):
            super().__init__(name=name)
            self.other = colour

    assert repr(Odd("red")) == "Odd()"
    with pytest.raises(ArgumentError, match="the argument 'colour' is not kept"):
        Odd("red").config()


# --- what a layer shows ---------------------------------------------------------------------------
LAYER = {
    *("add_parameter", "backward", "build", "config", "facts", "field_of_view", "followed_by"),
    *("forward", "head", "memory", "name", "num_parameters", "parameters", "scratch", "trainable"),
    "work",
}
# What fused layers and the rules of fusion call.
FUSION = {"compute", "convolution", "differentiate", "fold", "scale_and_shift"}


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_a_layer_lists_its_arguments_and_the_contract_of_layers(cls):
    arguments = set(inspect.signature(cls).parameters)
    names = {name for name in dir(cls) if not name.startswith("_")}
    assert names <= LAYER | FUSION
    layer = {"Reshape": lambda: cls((2,)), "Permute": lambda: cls((1,))}.get(
        cls.__name__,
        lambda: cls(*[1] * sum(map(required, inspect.signature(cls).parameters.values()))),
    )()
    shown = {name for name in dir(layer) if not name.startswith("_")} - names - {"parameters"}
    assert shown - {"filters", "groups"} <= arguments | LAYER


def required(argument):
    return argument.default is argument.empty
