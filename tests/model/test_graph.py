"""Graphs: names, sharing, nesting, several inputs and outputs, and what is refused."""

import numpy as np
import pytest

import cnnrs
from cnnrs.errors import ArgumentError, DTypeError, ShapeError
from cnnrs.layers import Add, Concat, Conv2D, Dense, Flatten, MaxPool2D, ReLU


def test_layers_are_numbered_by_kind():
    layers = [
        Conv2D(2, 3),
        ReLU(),
        Conv2D(2, 3, name="second"),
        ReLU(),
        MaxPool2D(2),
        Flatten(),
        Dense(3),
    ]
    model = cnnrs.Sequential((9, 9, 1), layers)
    assert list(model.graph.names.values()) == [
        "conv2d_1",
        "relu_1",
        "second",
        "relu_2",
        "max_pool2d_1",
        "flatten_1",
        "dense_1",
    ]
    assert list(model.parameters()) == [
        "conv2d_1.weight",
        "conv2d_1.bias",
        "second.weight",
        "second.bias",
        "dense_1.weight",
        "dense_1.bias",
    ]
    assert model.layer("second").filters == 2
    with pytest.raises(ArgumentError, match="dense_1"):
        model.layer("dense_7")


def test_a_given_name_is_never_given_twice():
    assert list(
        cnnrs.Sequential((2,), [Dense(2), Dense(2, name="dense_1")]).graph.names.values()
    ) == ["dense_2", "dense_1"]
    with pytest.raises(ArgumentError, match="same"):
        cnnrs.Sequential((2,), [Dense(2, name="same"), Dense(2, name="same")])


def test_the_error_shows_the_chain_of_shapes():
    with pytest.raises(ShapeError) as caught:
        cnnrs.Sequential((28, 28, 1), [Conv2D(32, 5), ReLU(), MaxPool2D(2), Conv2D(64, 15)])
    chain = (
        "input 28x28x1 -> conv2d_1 24x24x32 -> relu_1 24x24x32 -> max_pool2d_1 12x12x32 -> conv2d_2"
    )
    assert chain in str(caught.value)
    x = cnnrs.Input((8, 8, 3), name="photo")
    with pytest.raises(
        ShapeError, match="photo 8x8x3 -> conv2d_1 6x6x4 -> add_1 of 6x6x4 and 8x8x3"
    ):
        Add()([Conv2D(4, 3)(x), x])


def test_residual_block_by_hand(rng):
    inputs = cnnrs.Input((5, 5, 2))
    branch = Conv2D(2, 3, padding="same")
    model = cnnrs.Model(inputs, Add()([inputs, branch(inputs)]), dtype="float64")
    x = rng.standard_normal((2, 5, 5, 2))
    alone = cnnrs.Sequential((5, 5, 2), [Conv2D(2, 3, padding="same")], dtype="float64")
    alone.layers[0].weight[...] = branch.weight
    np.testing.assert_array_equal(model(x), x + alone(x))


def test_several_inputs_and_outputs(rng):
    a, b = cnnrs.Input((3,), name="left"), cnnrs.Input((2,), name="right")
    joined = Concat()([a, b])
    model = cnnrs.Model([a, b], [Dense(4)(joined), joined])
    x, y = rng.random((5, 3)), rng.random((5, 2))
    first, second = model([x, y])
    assert first.shape == (5, 4)
    np.testing.assert_array_equal(second, np.concatenate([x, y], axis=1).astype(np.float32))
    with pytest.raises(ShapeError, match="2 arrays"):
        model(x)
    with pytest.raises(ShapeError, match="right"):
        model([x, x])
    with pytest.raises(ShapeError, match="5 and 4"):
        model([x, y[:4]])
    with pytest.raises(ArgumentError, match="2 outputs"):
        model.predict([x, y])


def test_a_shared_layer_counts_once_and_gets_both_gradients():
    a, b = cnnrs.Input((2,)), cnnrs.Input((2,))
    twin = Dense(1, use_bias=False, weight_initializer="ones")
    model = cnnrs.Model([a, b], Add()([twin(a), twin(b)]), dtype="float64")
    assert model.num_parameters == 2
    assert model([[[1.0, 2.0]], [[3.0, 4.0]]]).tolist() == [[10.0]]
    trainer = cnnrs.Trainer(
        model, "half_sum_of_squares", optimizer=cnnrs.optimizers.SGD(0.0), metrics=[]
    )
    trainer.train_step([np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]])], np.array([[9.0]]))
    assert model.gradients()["dense_1.weight"].ravel().tolist() == [4.0, 6.0]


def test_nested_models_share_the_arena(rng):
    inner = cnnrs.Sequential((6, 6, 1), [Conv2D(2, 3), ReLU(), Flatten()], seed=3, name="backbone")
    weight = inner.layers[0].weight.copy()
    outer = cnnrs.Sequential((6, 6, 1), [inner, Dense(3)], seed=9)
    assert list(outer.parameters()) == [
        "backbone.conv2d_1.weight",
        "backbone.conv2d_1.bias",
        "dense_1.weight",
        "dense_1.bias",
    ]
    assert np.array_equal(inner.layers[0].weight, weight), "values move along"
    assert inner.runtime.arena is outer.runtime.arena
    x = rng.random((2, 6, 6, 1))
    before = inner(x)
    outer.parameters()["backbone.conv2d_1.bias"][...] = 1
    assert not np.array_equal(inner(x), before)
    assert np.array_equal(inner.parameters()["conv2d_1.bias"], [1, 1])


def test_nesting_before_or_after_allocation_gives_the_same_weights():
    def parts(touch):
        inner = cnnrs.Sequential((4,), [Dense(4), ReLU()], seed=1)
        if touch:
            inner(np.zeros((1, 4)))
        return cnnrs.Sequential((4,), [inner, Dense(2)], seed=2).runtime.arena.values

    assert np.array_equal(parts(True), parts(False))


def test_unnamed_nested_models_are_numbered():
    block = [cnnrs.Sequential((4,), [Dense(4)]) for _ in range(2)]
    names = list(cnnrs.Sequential((4,), block).parameters())
    assert names == [
        "sequential_1.dense_1.weight",
        "sequential_1.dense_1.bias",
        "sequential_2.dense_1.weight",
        "sequential_2.dense_1.bias",
    ]


def test_a_model_used_twice_shares_its_weights():
    inner = cnnrs.Sequential((2,), [Dense(2)])
    x = cnnrs.Input((2,))
    assert cnnrs.Model(x, inner(inner(x))).num_parameters == 6


def test_a_sub_model_shares_the_parameters(rng):
    model = cnnrs.Sequential((6, 6, 1), [Conv2D(2, 3), ReLU(), Flatten(), Dense(3)])
    part = model.up_to("relu_1")
    assert part.runtime.arena is model.runtime.arena
    assert list(part.parameters()) == ["conv2d_1.weight", "conv2d_1.bias"]
    x = rng.random((2, 6, 6, 1))
    assert np.array_equal(part(x), model.activations(x)["relu_1"])


def test_activations_are_those_of_every_layer(rng):
    model = cnnrs.from_text("Input 8x8x1 -> Conv3x3x4 -> ReLU -> Pool -> FC3")
    found = model.activations(rng.random((2, 8, 8, 1)))
    assert {name: array.shape for name, array in found.items()} == {
        "conv2d_1": (2, 6, 6, 4),
        "relu_1": (2, 6, 6, 4),
        "max_pool2d_1": (2, 3, 3, 4),
        "flatten_1": (2, 36),
        "dense_1": (2, 3),
    }
    assert (found["conv2d_1"] < 0).any(), (
        "what stands in front of the ReLU is not the ReLU's output"
    )
    assert np.array_equal(found["relu_1"], np.maximum(found["conv2d_1"], 0))


def test_a_head_put_behind_a_finished_model(rng):
    base = cnnrs.Sequential((4,), [Dense(3)], seed=1)
    x = rng.random((2, 4))
    before = base(x)
    model = cnnrs.Model(base.inputs, Dense(2)(base.outputs[0]), seed=2)
    assert list(model.graph.names.values()) == ["dense_1", "dense_2"]
    assert np.array_equal(base(x), before)
    assert base.runtime.arena is model.runtime.arena


def test_what_is_no_graph_is_refused():
    x = cnnrs.Input((4,))
    y = Dense(2)(x)
    other = cnnrs.Input((4,))
    with pytest.raises(ArgumentError, match="also depend"):
        cnnrs.Model(other, Add()([y, Dense(2)(other)]))
    with pytest.raises(ArgumentError, match="no output"):
        cnnrs.Model([x, other], y)
    with pytest.raises(ArgumentError, match=r"cnnrs\.Input"):
        cnnrs.Model(y, Dense(2)(y))
    with pytest.raises(ArgumentError, match="twice"):
        cnnrs.Model([x, x], y)
    with pytest.raises(DTypeError, match="node"):
        cnnrs.Model(np.zeros(4), y)
    with pytest.raises(DTypeError, match=r"ReLU\(\)"):
        cnnrs.Sequential((4,), [ReLU])
    with pytest.raises(ArgumentError, match="at least one layer"):
        cnnrs.Sequential((4,), [])
    with pytest.raises(ShapeError, match="input_shape"):
        cnnrs.Sequential((0, 4), [ReLU()])
    with pytest.raises(ShapeError, match="joins"):
        cnnrs.Sequential((4,), [Add()])
    with pytest.raises(DTypeError, match="no value"):
        bool(y)
    with pytest.raises(ShapeError, match="takes 4, got a node of 2"):
        cnnrs.Model(x, y)(y)


def test_dtypes_do_not_mix():
    inner = cnnrs.Sequential((4,), [Dense(4)], dtype="float64")
    with pytest.raises(ArgumentError, match="float64"):
        cnnrs.Sequential((4,), [inner])
    with pytest.raises(DTypeError, match="dtype"):
        cnnrs.Sequential((4,), [Dense(4)], dtype="float16")


def test_parts_of_a_model_by_name(rng):
    inputs = cnnrs.Input((6, 6, 1))
    shared = Conv2D(1, 3, padding="same", name="shared")
    x = ReLU()(shared(ReLU()(shared(inputs))))
    model = cnnrs.Model(inputs, Dense(2)(Flatten()(x)), seed=1)
    images = rng.standard_normal((3, 6, 6, 1))
    part = cnnrs.Model(model.inputs, [model.node("shared"), model.node("shared:2"), *model.outputs])
    assert part.runtime.arena is model.runtime.arena
    known = model.activations(images)
    assert list(known) == ["shared", "relu_1", "shared:2", "relu_2", "flatten_1", "dense_1"]
    for mine, name in zip(part(images), ["shared", "shared:2", "dense_1"], strict=True):
        np.testing.assert_array_equal(mine, known[name])
        np.testing.assert_array_equal(model.up_to(name)(images), known[name])
    np.testing.assert_array_equal(known["relu_1"], np.maximum(known["shared"], 0))
    np.testing.assert_allclose(known["dense_1"], model(images), rtol=1e-6)
    assert model.node("input") is inputs
    with pytest.raises(cnnrs.errors.ArgumentError, match=r"no layer 'conv'.*shared"):
        model.node("conv")
