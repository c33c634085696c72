"""What a model shows to its users: attributes, tables for notebooks, hints."""

import numpy as np
import pytest

import cnnrs
from cnnrs.errors import ArgumentError, DTypeError, ShapeError
from cnnrs.layers import (
    Conv2D,
    Conv2DTranspose,
    Dense,
    Flatten,
    LeakyReLU,
    PReLU,
    ReLU,
    Upsample2D,
)
from cnnrs.model.files.save import architecture

MODEL = {
    *("activations", "class_names", "copy", "describe", "dtype", "gradients", "graph"),
    *("input_shape", "inputs", "layer", "layers", "load_state_dict", "name", "node"),
    *("num_parameters", "output_shape", "outputs", "parameters", "plan", "predict"),
    *("predict_proba", "profile", "receptive_field", "release_memory", "runtime", "save"),
    *("seed", "state_dict", "summary", "top_k", "up_to"),
}


def small():
    return cnnrs.Sequential((4,), [Dense(3)], class_names=["<cat>", "dog", "owl"])


def public(item):
    return {name for name in dir(item) if not name.startswith("_")}


def test_a_model_lists_what_is_for_users():
    assert public(small()) == MODEL
    for name in MODEL:
        assert getattr(cnnrs.Model, name, True)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("fit", r"write cnnrs\.Trainer\(model, \.\.\.\)\.fit\(\(x, y\)\)"),
        ("train", r"cnnrs\.Trainer\(model, \.\.\.\)\.fit"),
        ("compile", r"give loss and optimizer to the trainer"),
        ("evaluate", r"cnnrs\.Trainer\(model, \.\.\.\)\.evaluate\(\(x, y\)\)"),
        ("eval", r"model\.predict"),
        ("forward", r"write model\(x\)"),
        ("load_weights", "load_state_dict"),
        ("plan_for", r"write model\.runtime\.plan_for"),
        ("arena", r"write model\.runtime\.arena"),
    ],
)
def test_names_of_other_libraries_and_of_earlier_versions(name, words):
    model = small()
    with pytest.raises(AttributeError, match=f"'Sequential' object has no attribute '{name}'; .*"):
        getattr(model, name)
    with pytest.raises(AttributeError, match=words):
        getattr(model, name)
    assert not hasattr(model, name)


def test_other_unknown_names_have_no_hint():
    with pytest.raises(AttributeError, match=r"has no attribute 'banana'$"):
        small().banana  # noqa: B018


def test_arguments_of_a_model():
    x = cnnrs.Input(4)
    with pytest.raises(DTypeError, match=r"^Model\(\) takes 2 positional arguments; write seed=1$"):
        cnnrs.Model(x, Dense(3)(x), 1)
    with pytest.raises(
        DTypeError, match=r"^Model: unknown argument 'output'; did you mean outputs="
    ):
        cnnrs.Model(x, output=Dense(3)(x))
    with pytest.raises(DTypeError, match=r"^names: expected True or False, got 'yes'$"):
        small().predict(np.eye(4), names="yes")


def test_initial_values_do_not_depend_on_names():
    def values(*names):
        layers = [Conv2DTranspose(2, 2, name=names[0]), Flatten(), Dense(3, name=names[1])]
        return cnnrs.Sequential((4, 4, 1), layers, seed=5).runtime.arena.values

    assert np.array_equal(values(None, None), values("last", "first"))


# --- Sequential -----------------------------------------------------------------------------------
def test_the_shape_may_come_first_in_the_list():
    model = cnnrs.Sequential([cnnrs.Input((4,), name="x"), Dense(3), ReLU()], seed=1)
    other = cnnrs.Sequential((4,), [Dense(3), ReLU()], seed=1)
    x = np.eye(4)
    assert model(x).tobytes() == other(x).tobytes()
    assert model.inputs[0].name == "x"


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda: cnnrs.Sequential([Flatten(), Dense(3)]),
            DTypeError,
            r"the shape of one sample is missing; write Sequential\(\(height, width, channels\)",
        ),
        (lambda: cnnrs.Sequential(Dense(3)), DTypeError, r"Sequential\(\[Input\(\(height, width"),
        (lambda: cnnrs.Sequential([Dense]), DTypeError, "the shape of one sample is missing"),
        (
            lambda: cnnrs.Sequential((28, 28, 1)),
            DTypeError,
            r"the layers are missing; write Sequential\(\(28, 28, 1\), \[\.\.\.\]\)",
        ),
        (lambda: cnnrs.Sequential([]), DTypeError, "the layers are missing"),
        (lambda: cnnrs.Sequential([cnnrs.Input(4)]), ArgumentError, "at least one layer"),
        (
            lambda: cnnrs.Sequential([Dense(3)(cnnrs.Input(4)), Dense(3)]),
            DTypeError,
            "the shape of one sample is missing",
        ),
        (lambda: cnnrs.Sequential((4, 4), [Dense(3)]), ShapeError, "Dense needs a vector"),
        (lambda: cnnrs.Sequential(Dense(3), ReLU(), Dense(2)), DTypeError, "takes 2 positional"),
    ],
)
def test_calls_of_sequential_that_lack_something(call, error, words):
    with pytest.raises(error, match=words):
        call()


# --- notebooks ------------------------------------------------------------------------------------
def test_tables_for_notebooks_are_escaped():
    model = small()
    model.layers[0].name = "<b>"
    page = cnnrs.Model(model.inputs, model.outputs)._repr_html_()
    assert page.startswith("<table><caption>Model 4 -&gt; 3, 1 layers, 15 parameters</caption>")
    assert "<td>&lt;b&gt;</td><td>Dense</td><td>3</td><td>15</td>" in page
    page = model.describe(np.eye(4)[0])._repr_html_()
    assert "<th>class</th><th>probability</th>" in page
    assert "<td>&lt;cat&gt;</td>" in page
    assert page.count("<tr>") == 4
    summary = cnnrs.Sequential((4, 4, 1), [Conv2D(2, 3)]).summary()
    page = summary._repr_html_()
    assert "<td>conv2d_1</td><td>2x2x2</td><td>20</td>" in page
    assert "parameters     20" in page
    assert page.endswith("</pre>")


# --- names of version 0.1 -------------------------------------------------------------------------
def test_names_of_parameters_of_version_0_1_are_understood():
    model = cnnrs.Sequential((4, 4, 1), [Conv2DTranspose(2, 2, stride=2)], seed=1)
    assert list(model.state_dict()) == ["conv2d_transpose_1.weight", "conv2d_transpose_1.bias"]
    state = {
        name.replace("conv2d_transpose", "conv2dtranspose"): value + 1
        for name, value in model.state_dict().items()
    }
    model.load_state_dict(state)
    assert model.layers[0].bias.tolist() == [1, 1]
    with pytest.raises(ArgumentError, match=r"'conv2d_transpose_1\.weight' is missing"):
        model.load_state_dict({"conv2dtranspose_2.weight": 0})


def test_a_layer_may_have_the_old_name():
    model = cnnrs.Sequential((4, 4, 1), [Conv2DTranspose(2, 2, name="conv2dtranspose_1")])
    assert next(iter(model.state_dict())) == "conv2dtranspose_1.weight"
    model.load_state_dict(model.state_dict())


def test_files_with_old_arguments_and_classes_load(tmp_path, monkeypatch):
    model = cnnrs.Sequential((2, 2, 1), [LeakyReLU(0.2), PReLU(0.3), Upsample2D(2)])
    x = np.arange(-2.0, 2.0).reshape(1, 2, 2, 1)
    expected = model(x)

    old = {"LeakyReLU": "slope", "PReLU": "initial_slope"}

    def old_architecture(model):
        result = architecture(model)
        for entry in result["layers"]:
            if entry["class"] in old:
                entry["config"][old[entry["class"]]] = entry["config"].pop("negative_slope")
            entry["class"] = entry["class"].replace("Upsample2D", "UpSample2D")
        return result

    monkeypatch.setattr("cnnrs.model.files.save.architecture", old_architecture)
    model.save(tmp_path / "old.cnnrs")
    assert b"initial_slope" in (tmp_path / "old.cnnrs").read_bytes()
    assert b"UpSample2D" in (tmp_path / "old.cnnrs").read_bytes()
    assert cnnrs.load(tmp_path / "old.cnnrs")(x).tobytes() == expected.tobytes()
