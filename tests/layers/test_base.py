"""The base class: parameters, a layer in plain NumPy, sharing, refusals."""

import numpy as np
import pytest

import cnnrs
from cnnrs.errors import ArgumentError, DTypeError, ShapeError
from cnnrs.layers import Conv2D, Dense, Flatten, Layer, ReLU
from cnnrs.layers.node import kind_of


class Scale(Layer):
    """Multiplies by a learnt number, with the three methods alone; forgets super().__init__."""

    def __init__(self, start=1.0):
        self.start = start

    def build(self, input_shape):
        self.add_parameter("factor", (1,), cnnrs.initializers.Constant(self.start))
        return input_shape

    def forward(self, ctx, x):
        ctx.save(x=x)
        return x * self.factor

    def backward(self, ctx, grad_y):
        ctx.gradient("factor")[...] += (grad_y * ctx.saved.x).sum()
        return grad_y * self.factor


def test_a_layer_in_plain_numpy_trains_inside_a_model():
    scale = Scale(0.5)
    model = cnnrs.Sequential((2,), [scale], dtype="float64")
    trainer = cnnrs.Trainer(
        model, "half_sum_of_squares", optimizer=cnnrs.optimizers.SGD(0.1), metrics=[]
    )
    x = np.array([[1.0, 2.0]])
    assert trainer.train_step(x, 3 * x) == 0.5 * (2.5**2 + 5.0**2)
    # dE/df = sum (f x - 3 x) x = (0.5 - 3) * 5 = -12.5
    assert scale.factor.tolist() == [0.5 + 0.1 * 12.5]


def test_its_gradient_starts_at_zero_in_every_step():
    scale = Scale()
    model = cnnrs.Sequential((2,), [scale], dtype="float64")
    trainer = cnnrs.Trainer(
        model, "half_sum_of_squares", optimizer=cnnrs.optimizers.SGD(0.0), metrics=[]
    )
    for _ in range(3):
        trainer.train_step(np.ones((1, 2)), np.zeros((1, 2)))
        assert model.gradients()["scale_1.factor"].tolist() == [2.0]


def test_parameters_are_views_into_the_arena():
    layer = Dense(2)
    model = cnnrs.Sequential((3,), [layer])
    layer.weight[1, 0] = 7
    assert 7 in model.runtime.arena.values
    layer.weight = np.zeros((3, 2))
    assert not model.runtime.arena.values.any()
    with pytest.raises(ShapeError, match="weight"):
        layer.weight = np.zeros((2, 3))


def test_a_layer_outside_a_model_has_no_values():
    layer = Dense(2)
    with pytest.raises(AttributeError):
        _ = layer.weight
    node = layer(cnnrs.Input((3,)))
    assert node.shape == (2,)
    with pytest.raises(ArgumentError, match="model"):
        _ = layer.weight


def test_a_shared_layer_needs_inputs_of_one_kind():
    layer = Dense(2)
    layer(cnnrs.Input((3,)))
    with pytest.raises(ShapeError, match="shared"):
        layer(cnnrs.Input((4,)))


def test_layers_are_not_called_on_arrays():
    with pytest.raises(DTypeError, match="nodes"):
        ReLU()(np.zeros((1, 3)))


def test_kinds_read_like_variables():
    kinds = {
        type(layer).__name__: kind_of(layer)
        for layer in (
            Conv2D(1, 1),
            ReLU(),
            cnnrs.layers.MaxPool2D(),
            cnnrs.layers.GlobalAveragePool2D(),
            cnnrs.layers.LpPool2D(),
            cnnrs.layers.Conv2DTranspose(1, 1),
            cnnrs.layers.DepthwiseConv2D(1),
            cnnrs.layers.SeparableConv2D(1, 1),
        )
    }
    assert kinds == {
        "Conv2D": "conv2d",
        "ReLU": "relu",
        "MaxPool2D": "max_pool2d",
        "Conv2DTranspose": "conv2d_transpose",
        "DepthwiseConv2D": "depthwise_conv2d",
        "SeparableConv2D": "separable_conv2d",
        "GlobalAveragePool2D": "global_average_pool2d",
        "LpPool2D": "lp_pool2d",
    }


def test_config_holds_the_arguments_of_the_constructor():
    config = Conv2D(
        4, (3, 5), padding=((1, 2), (0, 1)), weight_initializer="glorot_uniform", name="first"
    ).config()
    assert config["kernel_size"] == [3, 5]
    assert config["padding"] == [[1, 2], [0, 1]]
    assert config["name"] == "first"
    assert Conv2D(**config).config() == config


@pytest.mark.parametrize(
    ("method", "result", "error", "word"),
    [
        ("forward", lambda x: x[:, :1], ShapeError, "forward"),
        ("forward", lambda x: None, DTypeError, "forward"),
        ("forward", lambda x: x.astype(object), DTypeError, "forward"),
        ("backward", lambda g: g[:, :1], ShapeError, "backward"),
        ("backward", lambda g: None, DTypeError, "backward"),
        ("backward", lambda g: (g, g), ShapeError, "backward"),
        ("build", lambda shape: shape[0], ShapeError, "build"),
        ("build", lambda shape: (0,), ShapeError, "build"),
    ],
)
def test_a_layer_that_returns_the_wrong_thing_is_named(method, result, error, word):
    class Odd(Layer):
        def build(self, input_shape):
            return result(input_shape) if method == "build" else input_shape

        def forward(self, ctx, x):
            return result(x) if method == "forward" else x.copy()

        def backward(self, ctx, grad_y):
            return result(grad_y) if method == "backward" else grad_y

    def build_and_train():
        model = cnnrs.Sequential((4,), [Dense(4), Odd()])
        cnnrs.Trainer(model, "mse", metrics=[]).train_step(np.ones((2, 4)), np.ones((2, 4)))

    with pytest.raises(error, match=word) as caught:
        build_and_train()
    assert "odd_1" in str(caught.value) or "Odd" in str(caught.value)


def test_a_layer_may_return_its_input_or_a_view_of_it(rng):
    class Through(Layer):
        def build(self, input_shape):
            return input_shape

        def forward(self, ctx, x):
            return x

        def backward(self, ctx, grad_y):
            return grad_y

    class Mirror(Through):
        def forward(self, ctx, x):
            return x[:, ::-1]

    x = rng.standard_normal((5, 6, 6, 2)).astype(np.float32)
    plain = cnnrs.Sequential((6, 6, 2), [Conv2D(3, 3), ReLU(), Conv2D(3, 3), Flatten(), Dense(2)])
    odd = cnnrs.Sequential(
        (6, 6, 2),
        [
            Through(),
            Conv2D(3, 3),
            Through(),
            ReLU(),
            Mirror(),
            Mirror(),
            Conv2D(3, 3),
            Flatten(),
            Dense(2),
        ],
    )
    odd.load_state_dict(plain.state_dict())
    assert np.array_equal(plain(x), odd(x))


def test_an_unbuilt_method_says_what_to_define():
    class Empty(Layer):
        pass

    with pytest.raises(NotImplementedError, match="build"):
        Empty()(cnnrs.Input((3,)))


def test_parameter_names_must_be_free():
    class Clash(Layer):
        def build(self, input_shape):
            self.add_parameter("forward", (1,))
            return input_shape

    with pytest.raises(ArgumentError, match="forward"):
        Clash()(cnnrs.Input((3,)))


@pytest.mark.parametrize(
    ("name", "new"),
    [("traits", "memory"), ("window", "field_of_view"), ("multiplications_per_output", "work")],
)
def test_old_hooks_of_a_layer_name_the_new_ones(name, new):
    with pytest.warns(DeprecationWarning, match=new):
        type("Old", (Layer,), {name: None})
