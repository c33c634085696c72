"""How layers read their parameters, and how edits are noticed."""

import numpy as np
import pytest

import cnnrs
from cnnrs.errors import ArgumentError
from cnnrs.layers import BatchNorm, Conv2D, Flatten, Layer
from cnnrs.layers import parameter as parameters
from cnnrs.layers.parameter import Parameter

from .test_gradients import CASES


@pytest.mark.parametrize(
    ("make", "shape"), CASES, ids=lambda value: type(value()).__name__ if callable(value) else None
)
def test_no_layer_reads_a_parameter_as_its_attribute(make, shape, monkeypatch):
    """`layer.weight` sets a new stamp; layers read with `ctx.parameter`."""
    several = not isinstance(shape[0], int)
    nodes = [cnnrs.Input(item) for item in (shape if several else [shape])]
    layer = make()
    model = cnnrs.Model(nodes, layer(nodes))
    count = 4
    x = [np.ones((count, *node.shape), np.float32) for node in nodes]
    model(x if several else x[0])
    token, run = model.runtime.acquire(
        model.runtime.plan_for(training=True, input_gradients=True), count
    )

    def refused(self, name):
        raise AssertionError(f"{type(self).__name__} reads self.{name}")

    stamps = {name: value.stamp for name, value in layer.parameters.items() if value.trainable}
    monkeypatch.setattr(Layer, "__getattr__", refused)
    run.forward(x)
    run.output_gradients()[0][0][...] = 1
    run.backward()
    monkeypatch.undo()
    model.runtime.release(token)
    assert stamps == {
        name: value.stamp for name, value in layer.parameters.items() if value.trainable
    }


def test_what_a_layer_reads_is_read_only():
    class Careless(Layer):
        def build(self, input_shape):
            self.add_parameter("factor", (1,), "ones")
            return input_shape

        def forward(self, ctx, x):
            ctx.parameter("factor")[...] = 2
            return x

    with pytest.raises(ValueError, match="read-only"):
        cnnrs.Sequential((2,), [Careless()])(np.ones((1, 2)))


def test_gradients_of_several_parameters_have_one_flag():
    class Uneven(Conv2D):
        def backward(self, ctx, grad_output):
            ctx.gradient("bias")
            return super().backward(ctx, grad_output)

    model = cnnrs.Sequential((5, 5, 2), [Uneven(3, 3), Flatten()])
    token, run = model.runtime.acquire(model.runtime.plan_for(training=True), 1)
    run.forward([np.ones((1, 5, 5, 2), np.float32)])
    run.output_gradients()[0][0][...] = 1
    with pytest.raises(ArgumentError, match="weight and bias must be written together"):
        run.backward()
    model.runtime.release(token)


@pytest.mark.parametrize("trusted", [True, False])
def test_edits_are_seen_with_and_without_reference_counts(trusted, monkeypatch, rng):
    from cnnrs.model.parameters import arena

    for module in (parameters, arena):
        monkeypatch.setattr(module, "counts_references", lambda: trusted)
    conv, norm = Conv2D(4, 3), BatchNorm()
    model = cnnrs.Sequential((6, 6, 2), [conv, norm])
    x = rng.standard_normal((2, 6, 6, 2)).astype(np.float32)
    kept = conv.weight
    for edit in (
        lambda: kept.__setitem__((0, 0, 0, 0), kept[0, 0, 0, 0] + 1),
        lambda: norm.weight.__iadd__(0.5),
        lambda: model.runtime.arena.values.__imul__(1.5),
    ):
        before = model(x)
        assert np.array_equal(model(x), before)
        edit()
        fresh = cnnrs.Sequential((6, 6, 2), [Conv2D(4, 3), BatchNorm()])
        fresh.load_state_dict(model.state_dict())
        assert not np.array_equal(model(x), before)
        assert np.array_equal(model(x), fresh(x))


def test_a_view_counts_as_held_while_somebody_keeps_it():
    layer = Conv2D(2, 3)
    cnnrs.Sequential((5, 5, 1), [layer])
    weight: Parameter = layer.parameters["weight"]
    assert not weight.is_held()
    weight.read()
    assert not weight.is_held()
    kept = layer.weight[0]
    assert weight.is_held()
    del kept
    assert not weight.is_held()
    reader = weight.read()[0]
    assert reader.sum() == weight.read()[0].sum()
