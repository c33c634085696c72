"""Every layer's gradients against central differences in float64, over odd shapes."""

import numpy as np
import pytest

from cnnrs.layers import (
    ELU,
    GELU,
    SELU,
    AdaptiveAveragePool2D,
    Add,
    AveragePool2D,
    BatchNorm,
    Concat,
    Conv2D,
    Conv2DTranspose,
    Crop2D,
    Dense,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    GaussianDropout,
    GlobalAveragePool2D,
    GlobalMaxPool2D,
    GroupNorm,
    HardSigmoid,
    HardSwish,
    InstanceNorm,
    Layer,
    LayerNorm,
    LeakyReLU,
    LocalResponseNorm,
    LpPool2D,
    MaxPool2D,
    MaxUnpool2D,
    Multiply,
    Normalize,
    Permute,
    PReLU,
    ReLU,
    ReLU6,
    Rescale,
    Reshape,
    SeparableConv2D,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    SpatialDropout2D,
    Tanh,
    Upsample2D,
    ZeroPad2D,
    ZeroPadChannels,
)
from cnnrs.testing import check_gradients
from cnnrs.zoo.lenet_layers import ChannelScale, RBFCodes, TableConv2D

CASES = [
    (lambda: Conv2D(3, 3), (5, 7, 2)),
    (lambda: Conv2D(2, (1, 3), padding=(0, 1)), (1, 9, 1)),
    (lambda: Conv2D(4, 3, stride=2, padding="same"), (7, 8, 3)),
    (lambda: Conv2D(2, 2, stride=3), (8, 7, 2)),
    (lambda: Conv2D(4, 3, dilation=2, groups=2, activation="tanh"), (7, 6, 4)),
    (lambda: Conv2D(6, 3, groups=3, padding=((1, 0), (0, 2)), use_bias=False), (5, 5, 3)),
    (lambda: Conv2D(3, 5, padding="same", activation="relu"), (9, 8, 2)),
    (lambda: Conv2D(3, 1, activation="sigmoid"), (3, 3, 5)),
    (lambda: Dense(4), (7,)),
    (lambda: Dense(3, activation="relu"), (5,)),
    (lambda: Dense(3, use_bias=False, activation="sigmoid"), (4,)),
    (lambda: Dense(1, activation="tanh"), (1,)),
    (lambda: MaxPool2D(2), (4, 6, 3)),
    (lambda: MaxPool2D(3, stride=2, padding=1, rounding="ceil"), (6, 7, 2)),
    (lambda: AveragePool2D(2), (5, 4, 2)),
    (lambda: AveragePool2D(3, stride=2, padding=1, count_include_pad=True), (5, 6, 2)),
    (lambda: AveragePool2D(3, stride=2, padding=1), (5, 6, 2)),
    (lambda: LpPool2D(2), (4, 4, 2)),
    (lambda: LpPool2D(3, stride=1, p=3), (5, 4, 1)),
    (lambda: BatchNorm(), (3, 4, 2)),
    (lambda: BatchNorm(epsilon=0.1), (5,)),
    (lambda: BatchNorm(affine=False), (2, 3, 3)),
    (lambda: LayerNorm(), (3, 2, 5)),
    (lambda: LayerNorm(epsilon=0.1), (17,)),
    (lambda: LayerNorm(affine=False), (2, 2, 3)),
    (lambda: GroupNorm(2), (3, 2, 4)),
    (lambda: GroupNorm(1, epsilon=0.1), (5,)),
    (lambda: GroupNorm(3, affine=False), (2, 2, 6)),
    (lambda: InstanceNorm(), (3, 3, 2)),
    (lambda: InstanceNorm(affine=True), (4, 3, 2)),
    (lambda: LocalResponseNorm(alpha=0.5), (2, 2, 7)),
    (lambda: LocalResponseNorm(4, alpha=0.3, beta=0.6, k=0.5), (6,)),
    (lambda: GlobalAveragePool2D(), (3, 5, 4)),
    (lambda: GlobalMaxPool2D(), (3, 5, 4)),
    (lambda: ReLU(), (3, 3, 2)),
    (lambda: Sigmoid(), (6,)),
    (lambda: Tanh(), (6,)),
    (lambda: Softmax(), (5,)),
    (lambda: Softmax(), (2, 3, 4)),
    (lambda: Dropout(0.4), (5, 4, 2)),
    (lambda: Flatten(), (3, 2, 2)),
    (lambda: Rescale(0.25, offset=-1), (3, 3, 1)),
    (lambda: Normalize([0.1, 0.2], [0.5, 2.0]), (3, 3, 2)),
    (lambda: Add(), [(3, 3, 2), (3, 3, 2), (3, 3, 2)]),
    (lambda: Multiply(), [(4,), (4,), (4,)]),
    (lambda: Concat(), [(3, 2, 1), (3, 2, 4)]),
    (lambda: Conv2D(3, 3, activation="gelu"), (5, 4, 2)),
    (lambda: Conv2D(2, 2, activation="softplus"), (3, 4, 2)),
    (lambda: Dense(4, activation="silu"), (5,)),
    (lambda: Dense(4, activation="elu"), (5,)),
    (lambda: Dense(4, activation="hard_swish"), (5,)),
    (lambda: Conv2DTranspose(3, 3), (4, 5, 2)),
    (
        lambda: Conv2DTranspose(
            2,
            (2, 3),
            stride=(3, 2),
            padding=((0, 1), (1, 1)),
            output_padding=(1, 0),
            activation="relu",
        ),
        (3, 4, 3),
    ),
    (
        lambda: Conv2DTranspose(
            4, 3, stride=2, padding="same", groups=2, use_bias=False, activation="gelu"
        ),
        (3, 2, 6),
    ),
    (lambda: Conv2DTranspose(2, 3, stride=2, padding=1, dilation=2, output_padding=1), (3, 3, 2)),
    (lambda: DepthwiseConv2D(3, padding="same"), (5, 6, 4)),
    (lambda: DepthwiseConv2D(3, stride=2, depth_multiplier=3, activation="relu"), (7, 6, 2)),
    (lambda: SeparableConv2D(3, 3, padding=1), (4, 5, 2)),
    (
        lambda: SeparableConv2D(2, (1, 3), stride=2, depth_multiplier=2, activation="silu"),
        (3, 7, 3),
    ),
    (lambda: SeparableConv2D(2, 3, use_bias=False, activation="relu"), (4, 4, 2)),
    (lambda: Upsample2D(2), (3, 4, 2)),
    (lambda: Upsample2D((3, 2), "bilinear"), (3, 4, 3)),
    (lambda: MaxUnpool2D(2), [(2, 3, 2), (4, 6, 2)]),
    (lambda: MaxUnpool2D(3, stride=2, padding=1, rounding="ceil"), [(3, 3, 1), (5, 4, 1)]),
    (lambda: AdaptiveAveragePool2D((2, 3)), (5, 7, 2)),
    (lambda: AdaptiveAveragePool2D(4), (3, 8, 1)),
    (lambda: ZeroPad2D(((1, 0), (2, 3))), (3, 4, 2)),
    (lambda: Crop2D(((0, 1), (2, 0))), (4, 5, 2)),
    (lambda: ZeroPadChannels(1, 2), (3, 4, 2)),
    (lambda: ChannelScale(0.5), (3, 4, 2)),
    (lambda: TableConv2D([[0, 2], [1], [2, 0, 1], [1, 2]], (2, 3)), (4, 5, 3)),
    (lambda: RBFCodes(4), (6,)),
    (lambda: Reshape((2, -1)), (3, 4, 2)),
    (lambda: Permute((3, 1, 2)), (3, 4, 2)),
    (lambda: SpatialDropout2D(0.5), (3, 4, 5)),
    (lambda: GaussianDropout(0.4), (3, 4, 2)),
    (lambda: PReLU(), (3, 4, 2)),
    (lambda: PReLU(0.5, shared=True), (5,)),
    (lambda: LeakyReLU(0.2), (3, 4, 2)),
    (lambda: ELU(1.5), (12,)),
    (lambda: SELU(), (12,)),
    (lambda: GELU(), (12,)),
    (lambda: GELU("tanh"), (12,)),
    (lambda: SiLU(), (12,)),
    (lambda: Softplus(), (12,)),
    (lambda: HardSwish(), (12,)),
    (lambda: HardSigmoid(), (12,)),
    (lambda: ReLU6(), (12,)),
]


@pytest.mark.parametrize(
    ("make", "shape"), CASES, ids=lambda value: repr(value()) if callable(value) else None
)
def test_backward_is_the_derivative_of_forward(make, shape):
    layer = make()
    check = check_gradients(layer, shape, batch=3)
    assert check.passed, check
    inputs = (
        ["input"]
        if isinstance(shape, tuple)
        else [f"input {number + 1}" for number in range(len(shape))]
    )
    trained = [name for name, parameter in layer.parameters.items() if parameter.trainable]
    assert list(check.errors) == [*trained, *inputs]


def test_every_layer_is_in_the_list():
    from cnnrs import layers

    known = {
        getattr(layers, name) for name in layers.__all__ if isinstance(getattr(layers, name), type)
    } | {ChannelScale, RBFCodes, TableConv2D}
    built_in = {cls for cls in known if issubclass(cls, Layer) and cls is not Layer}
    assert built_in == {type(make()) for make, _ in CASES}


@pytest.mark.parametrize("fault", ["sign", "factor", "weight", "forgotten"])
def test_a_planted_error_is_found(fault):
    class Scale(Layer):
        def build(self, input_shape):
            self.add_parameter("factor", input_shape[-1:], initializer="ones")
            return input_shape

        def forward(self, ctx, x):
            ctx.save(x=x)
            return x * self.factor

        def backward(self, ctx, grad_y):
            slope = (grad_y * ctx.saved.x).sum(axis=(0, 1, 2))
            if fault != "forgotten":
                ctx.gradient("factor")[...] += -slope if fault == "weight" else slope
            grad = grad_y * self.factor
            return -grad if fault == "sign" else 1.001 * grad if fault == "factor" else grad

    check = check_gradients(Scale(), (3, 4, 2))
    assert not check.passed
    wrong = {name for name, error in check.errors.items() if error > check.tolerance}
    assert wrong == ({"input"} if fault in ("sign", "factor") else {"factor"})
    assert "wrong" in str(check)


def test_the_gradient_of_lp_pooling_at_zeros_is_zero():
    import cnnrs

    model = cnnrs.Sequential((2, 2, 1), [LpPool2D(2)], dtype="float64")
    plan = model.runtime.plan_for(training=True, input_gradients=True)
    token, run = model.runtime.acquire(plan, 1)
    run.forward([np.zeros((1, 2, 2, 1))])
    run.output_gradients()[0][0][...] = 1
    run.backward()
    assert (run.input_gradient() == 0).all()
    model.runtime.release(token)
