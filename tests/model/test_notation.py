"""Networks written as one line of text."""

import pytest

import cnnrs
from cnnrs.errors import ArgumentError, ShapeError


def kinds(text):
    return [type(layer).__name__ for layer in cnnrs.from_text(text).layers]


def test_the_classic_line():
    model = cnnrs.from_text(
        "Input 32x32x3 -> Conv5x5x32 same -> ReLU -> Conv5x5x32 same -> ReLU -> Pool -> ReLU -> "
        "Conv5x5x64 same -> ReLU -> Pool -> FC10"
    )
    assert model.num_parameters == 120_298
    assert model.output_shape == (10,)


def test_spellings():
    assert kinds("input 8x8x1→CONV 3x3x4→relu→max pool 2x2→Fully Connected 3") == [
        "Conv2D",
        "ReLU",
        "MaxPool2D",
        "Flatten",
        "Dense",
    ]
    assert kinds("Input 8x8x1 → conv 3×3×4 → tanh → AvgPool → Dense 3 → softmax") == [
        "Conv2D",
        "Tanh",
        "AveragePool2D",
        "Flatten",
        "Dense",
        "Softmax",
    ]
    assert kinds(
        "Input 8x8x1 -> L2Pool3x3/1 -> Global Average Pooling -> Fully-Connected 3 -> Dropout .25 "
        "-> FC2"
    ) == [
        "LpPool2D",
        "GlobalAveragePool2D",
        "Dense",
        "Dropout",
        "Dense",
    ]
    assert kinds("Input 8 -> FC3 -> Sigmoid -> Dropout") == ["Dense", "Sigmoid", "Dropout"]


def test_strides_and_paddings():
    layer = cnnrs.from_text("Input 9x9x1 -> Conv3x5x4 stride 2, pad 1").layers[0]
    assert (layer.kernel_size, layer.stride, layer.padding, layer.filters) == ((3, 5), (2, 2), 1, 4)
    assert cnnrs.from_text("Input 9x9x1 -> Pool3x3/2").layers[0].stride == (2, 2)
    assert cnnrs.from_text("Input 9x9x1 -> Conv3x3x2/2 same").layers[0].padding == "same"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "expected something like"),
        (None, "expected something like"),
        ("Conv3x3x1", "first part"),
        ("Input", "first part"),
        ("Input 3x3x1 same", "first part"),
        ("Input 3x3x1 -> ", "begins with its name"),
        ("Input 3x3x1 -> Conv", "Conv"),
        ("Input 3x3x1 -> Conv3x3", "Conv3x3"),
        ("Input 3x3x1 -> Banana 3", "Banana"),
        ("Input 3x3x1 -> Pool2", "Pool2"),
        ("Input 3x3x1 -> FC3x3", "FC3x3"),
        ("Input 3x3x1 -> FC3 same", "FC3 same"),
        ("Input 3x3x1 -> ReLU 3", "ReLU 3"),
        ("Input 3x3x1 -> Conv3x3x1 stride", "stride"),
        ("Input 3x3x1 -> Dropout half", "Dropout"),
        ("Input 3x3x1 -> Dropout 1.5", "rate"),
    ],
)
def test_what_cannot_be_read_is_named(text, word):
    with pytest.raises(ArgumentError, match=word):
        cnnrs.from_text(text)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ShapeError, match="conv2d_1"):
        cnnrs.from_text("Input 3x3x1 -> Conv5x5x1")
