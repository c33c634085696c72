"""The plan against the obvious executor, on hand-made and random graphs; what it fuses; what it
allocates.
"""

import numpy as np
import pytest

import cnnrs
from cnnrs.layers import (
    Add,
    AveragePool2D,
    Concat,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool2D,
    GlobalMaxPool2D,
    Layer,
    LpPool2D,
    MaxPool2D,
    Multiply,
    ReLU,
    Rescale,
    Sigmoid,
    Softmax,
    Tanh,
)

from . import naive


class Cube(Layer):
    """A layer of a user: no traits, fresh arrays, saves its input."""

    def build(self, input_shape):
        self.add_parameter("scale", input_shape[-1:], "ones")
        return input_shape

    def forward(self, ctx, x):
        ctx.save(x=x)
        return self.scale * x**3 / 8

    def backward(self, ctx, grad_y):
        x = ctx.saved.x
        ctx.gradient("scale")[...] += (grad_y * x**3 / 8).reshape(-1, x.shape[-1]).sum(axis=0)
        return grad_y * self.scale * 3 * x**2 / 8


def random_graph(random, dtype="float64"):
    """A graph of up to 14 layers with branches, shared layers and one to three outputs."""
    inputs = [cnnrs.Input((6, 6, 2)) for _ in range(random.integers(1, 3))]
    images, vectors, shared = list(inputs), [], []
    for _ in range(random.integers(2, 15)):
        pick = random.integers(0, 20)
        node = images[random.integers(len(images))] if random.random() < 0.4 else images[-1]
        if pick < 5:
            activation = [None, None, "relu", "tanh"][random.integers(4)]
            node = Conv2D(int(random.integers(1, 4)), 3, padding="same", activation=activation)(
                node
            )
        elif pick < 9:
            node = ReLU()(node)
        elif pick < 13:
            layer = [Sigmoid, Tanh, lambda: Dropout(0.3), lambda: Rescale(0.5, 0.1), Softmax, Cube][
                random.integers(6)
            ]()
            node = layer(node)
        elif pick < 16:
            layer = [MaxPool2D, AveragePool2D, LpPool2D][random.integers(3)](3, stride=1, padding=1)
            node = layer(node)
        elif pick < 18:
            other = images[random.integers(len(images))]
            node = (
                Concat()([node, other])
                if other.shape != node.shape
                else [Add, Multiply][random.integers(2)]()([node, other])
            )
        elif shared and shared[0].parameters["weight"].shape[2] == node.shape[-1]:
            node = shared[0](node)
        else:
            shared = [Conv2D(2, 1)]
            node = shared[0](node)
        images.append(node)
    vector = [Flatten, GlobalAveragePool2D, GlobalMaxPool2D][random.integers(3)]()(images[-1])
    vectors = [vector, ReLU()(vector), Dense(3, activation="relu")(vector)]
    outputs = [vectors[random.integers(3)]]
    if random.random() < 0.5:
        outputs.append(images[random.integers(len(inputs), len(images))])
    if random.random() < 0.3:
        outputs.append(vectors[0])
    from cnnrs.layers.node import ancestors

    used = set(ancestors(outputs))
    return cnnrs.Model(
        [node for node in inputs if node in used],
        outputs,
        dtype=dtype,
        seed=int(random.integers(100)),
    )


def train_once(model, inputs, cotangents, seed=0, step=0):
    """The same as the reference returns, by the plan."""
    token, run = model.runtime.acquire(
        model.runtime.plan_for(training=True, input_gradients=True), len(inputs[0])
    )
    outputs = [output.copy() for output in run.forward(inputs, seed=seed, step=step)]
    for cotangent, (buffer, starts) in zip(cotangents, run.output_gradients(), strict=True):
        buffer[...] = cotangent if starts else buffer + cotangent
    run.backward()
    slopes = [run.input_gradient(index).copy() for index in range(len(inputs))]
    model.runtime.release(token)
    return outputs, slopes, {name: gradient.copy() for name, gradient in model.gradients().items()}


def assert_same(actual, expected):
    for mine, truth in zip(actual[0] + actual[1], expected[0] + expected[1], strict=True):
        np.testing.assert_allclose(mine, truth, rtol=1e-9, atol=1e-11)
    assert actual[2].keys() == expected[2].keys()
    for name, truth in expected[2].items():
        np.testing.assert_allclose(actual[2][name], truth, rtol=1e-9, atol=1e-11, err_msg=name)


@pytest.mark.parametrize("case", range(60))
def test_random_graphs_do_what_the_obvious_executor_does(case):
    random = np.random.default_rng(case)
    model = random_graph(random)
    for count in (3, 1, 3):
        inputs = [random.standard_normal((count, *node.shape)) for node in model.inputs]
        cotangents = [random.standard_normal((count, *node.shape)) for node in model.outputs]
        expected = naive.run(model, inputs, cotangents, seed=case, step=count)
        assert_same(train_once(model, inputs, cotangents, seed=case, step=count), expected)
        if not any(isinstance(layer, Dropout) for layer in model.layers):
            outputs = model(inputs if len(inputs) > 1 else inputs[0])
            for mine, truth in zip(
                outputs if isinstance(outputs, list) else [outputs], expected[0], strict=True
            ):
                np.testing.assert_allclose(mine, truth, rtol=1e-9, atol=1e-11)


def sums_everywhere(random):
    """Sums of two or three of the nodes so far, with element-wise and convolution layers between:
    gradients that may be one array.
    """
    inputs = cnnrs.Input((4, 4, 2))
    nodes = [inputs, Conv2D(2, 3, padding="same")(inputs)]
    for _ in range(random.integers(4, 14)):
        pick, node = (
            random.integers(10),
            nodes[-1] if random.random() < 0.7 else nodes[random.integers(len(nodes))],
        )
        if pick < 5:
            count = random.integers(1, 3)
            node = Add()([node, *(nodes[place] for place in random.integers(0, len(nodes), count))])
        elif pick < 8:
            node = [ReLU, Tanh, Sigmoid, lambda: Rescale(0.5), lambda: Dropout(0.3), Cube][
                random.integers(6)
            ]()(node)
        else:
            node = Conv2D(2, 1, activation=[None, "relu", "tanh"][random.integers(3)])(node)
        nodes.append(node)
    outputs = (
        [nodes[-1]] if random.random() < 0.6 else [nodes[-1], nodes[random.integers(1, len(nodes))]]
    )
    return cnnrs.Model(inputs, outputs, dtype="float64", seed=int(random.integers(100)))


@pytest.mark.parametrize("case", range(80))
def test_sums_may_share_their_gradients(case):
    random = np.random.default_rng(case)
    model = sums_everywhere(random)
    inputs = [random.standard_normal((2, 4, 4, 2))]
    cotangents = [random.standard_normal((2, *node.shape)) for node in model.outputs]
    assert_same(
        train_once(model, inputs, cotangents, seed=case),
        naive.run(model, inputs, cotangents, seed=case),
    )
    token, run = model.runtime.acquire(
        model.runtime.plan_for(training=True), 2
    )  # without gradients of the inputs
    run.forward(inputs, seed=case)
    for cotangent, (buffer, starts) in zip(cotangents, run.output_gradients(), strict=True):
        buffer[...] = cotangent if starts else buffer + cotangent
    run.backward()
    model.runtime.release(token)
    for name, truth in naive.run(model, inputs, cotangents, seed=case)[2].items():
        np.testing.assert_allclose(
            model.gradients()[name], truth, rtol=1e-9, atol=1e-11, err_msg=name
        )


def residual(blocks, size=8, channels=4):
    """A chain of residual blocks."""
    inputs = cnnrs.Input((size, size, channels))
    x = inputs
    for _ in range(blocks):
        y = ReLU()(Conv2D(channels, 3, padding="same")(x))
        x = ReLU()(Add()([Conv2D(channels, 3, padding="same")(y), x]))
    return cnnrs.Model(inputs, x, dtype="float64")


def test_a_residual_chain_runs_in_little_memory(rng, monkeypatch):
    model = residual(5)
    assert [name for name in model.plan().fused if "add" in name] == [
        f"add_{i} + relu_{2 * i}" for i in range(1, 6)
    ]
    activation = 8 * 8 * 4 * 8
    assert model.runtime.plan_for(training=False).bytes_per_sample == 3 * activation, (
        "the block's input, and a convolution's input and output"
    )
    training = model.runtime.plan_for(training=True)
    # the sum runs over the convolution's output: two values for each block, and two gradients, of
    # which a block keeps one to its end
    assert training.bytes_per_sample <= (1 + 2 * 5 + 2) * activation
    # the gradient of a sum is passed on without a copy
    passed = []
    monkeypatch.setattr(np, "copyto", lambda *arguments, **options: passed.append(arguments))
    x = rng.standard_normal((2, 8, 8, 4))
    token, run = model.runtime.acquire(training, 2)
    run.forward([x])
    run.output_gradients()[0][0][...] = 1
    run.backward()
    model.runtime.release(token)
    assert passed == []


def classic(**options):
    return cnnrs.from_text(
        "Input 12x12x3 -> Conv5x5x8 same -> ReLU -> Conv5x5x8 same -> ReLU -> Pool -> ReLU -> "
        "Conv5x5x24 same -> ReLU -> Pool -> FC10",
        **options,
    )


def test_relu_is_fused_and_relu_behind_pooling_is_dropped():
    plan = classic().plan()
    pooled = "conv2d_2 + relu_2 + max_pool2d_1"  # of few filters
    assert plan.fused == ["conv2d_1 + relu_1", pooled, "conv2d_3 + relu_4"]
    assert plan.training_fused == ["conv2d_1 + relu_1", "conv2d_2 + relu_2", "conv2d_3 + relu_4"]
    assert len(plan.dropped) == 1
    assert plan.dropped[0].startswith("relu_3 ")
    assert [step.name for step in plan.steps] == [*plan.fused, "max_pool2d_2", "dense_1"]
    assert all(step.algorithm for step in plan.steps if "conv" in step.name)


def test_few_filters_are_pooled_on_the_way_in_prediction_alone(rng):
    layers = [
        Conv2D(6, 5, padding="same"),
        ReLU(),
        MaxPool2D(2),
        Conv2D(4, 3, activation="relu"),
        MaxPool2D(2),
    ]
    model = cnnrs.Sequential((28, 28, 1), layers)
    plan = model.plan()
    assert plan.fused == ["conv2d_1 + relu_1 + max_pool2d_1", "conv2d_2 + max_pool2d_2"]
    assert plan.training_fused == ["conv2d_1 + relu_1"]
    images = rng.standard_normal((35, 28, 28, 1)).astype(np.float32)
    _, run = model.runtime.acquire(model.runtime.plan_for(training=True), 35)
    expected = run.forward([images])[0].copy()
    np.testing.assert_array_equal(model(images), expected)
    for image, own in zip(images, expected, strict=True):
        np.testing.assert_array_equal(model(image[None])[0], own)


@pytest.mark.parametrize(
    "pool",
    [
        MaxPool2D(3),
        MaxPool2D(2, stride=1),
        MaxPool2D(2, padding=((1, 0), (1, 0))),
        MaxPool2D(2, rounding="ceil"),
        AveragePool2D(2),
    ],
)
def test_other_pooling_is_a_step_of_its_own(pool):
    assert cnnrs.Sequential((13, 28, 1), [Conv2D(6, 5, padding="same"), pool]).plan().fused == []
    assert (
        cnnrs.Sequential(
            (28, 28, 1), [Conv2D(6, 5, padding="same", activation="tanh"), MaxPool2D(2)]
        )
        .plan()
        .fused
        == []
    )
    x = cnnrs.Input((28, 28, 1))
    y = Conv2D(6, 5)(x)
    assert cnnrs.Model(x, [MaxPool2D(2)(y), y]).plan().fused == []


def test_layers_that_compute_in_a_way_of_their_own_are_not_pooled_on_the_way(rng):
    class Smallest(MaxPool2D):
        def forward(self, ctx, x):
            return -super().forward(ctx, -x)

    class Doubled(Conv2D):
        def forward(self, ctx, x):
            return 2 * super().forward(ctx, x)

    images = rng.random((17, 28, 28, 1)).astype(np.float32)
    plain = cnnrs.Sequential((28, 28, 1), [Conv2D(6, 5), MaxPool2D(2)], seed=0)
    doubled = cnnrs.Sequential((28, 28, 1), [Doubled(6, 5), MaxPool2D(2)], seed=0)
    smallest = cnnrs.Sequential((28, 28, 1), [Conv2D(6, 5), Smallest(2)], seed=0)
    assert len(plain.plan().fused) == 1
    assert doubled.plan().fused == smallest.plan().fused == []
    np.testing.assert_array_equal(doubled(images), 2 * plain(images))
    assert (smallest(images) <= plain(images)).all()


def test_what_is_read_twice_or_put_out_is_not_fused():
    x = cnnrs.Input((4, 4, 1))
    y = Conv2D(2, 3, padding="same")(x)
    assert cnnrs.Model(x, [ReLU()(y), y]).plan().fused == []
    y = Conv2D(2, 3, padding="same")(x)
    assert cnnrs.Model(x, Add()([ReLU()(y), y])).plan().fused == []


def test_relu_of_what_may_be_negative_is_kept(rng):
    model = cnnrs.Sequential((4, 4, 1), [MaxPool2D(2), ReLU()])
    assert model.plan().dropped == []
    assert (model(-rng.random((2, 4, 4, 1))) == 0).all()


def test_bytes_are_shared_where_lifetimes_allow():
    layers = [Conv2D(8, 3, padding="same", activation="relu") for _ in range(10)]
    model = cnnrs.Sequential((16, 16, 8), layers)
    activation = 16 * 16 * 8 * 4
    prediction, training = (
        model.runtime.plan_for(training=False),
        model.runtime.plan_for(training=True),
    )
    assert prediction.bytes_per_sample == 2 * activation, "a chain predicts in two buffers"
    # eleven activations and input, and two gradients that take turns
    assert training.bytes_per_sample <= 13 * activation
    assert training.bytes_per_sample >= 11 * activation


def test_frozen_layers_cost_no_backward_pass(rng):
    model = classic()
    for layer in model.layers[:-1]:
        layer.trainable = False
    plan = model.runtime.plan_for(training=True)
    assert [model.graph.names[step.layer] for step in plan.steps if step.backward] == ["dense_1"]
    assert not plan.steps[-1].needs[0]
    before = model.state_dict()
    trainer = cnnrs.Trainer(
        model, optimizer=cnnrs.optimizers.SGD(0.1, momentum=0.9, weight_decay=0.1)
    )
    for _ in range(3):
        trainer.train_step(rng.random((4, 12, 12, 3)), [0, 1, 2, 3])
    after = model.state_dict()
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    assert changed == {"dense_1.weight", "dense_1.bias"}
    for layer in model.layers:
        layer.trainable = True
    assert all(step.backward for step in model.runtime.plan_for(training=True).steps)
