"""The zoo: published parameter counts and shapes, weights only when needed, and small versions that
train.
"""

import numpy as np
import pytest

import cnnrs
from cnnrs import zoo
from cnnrs.errors import ArgumentError, ShapeError
from cnnrs.layers import Rescale

COUNTS = {
    "lenet5": 61_706,
    "lenet5-original": 60_000,
    "alexnet": 61_100_840,
    "alexnet-grouped": 60_965_224,
    "zfnet": 62_357_608,
    "vgg11": 132_863_336,
    "vgg13": 133_047_848,
    "vgg16": 138_357_544,
    "vgg19": 143_667_240,
    "vgg11-bn": 132_868_840,
    "vgg13-bn": 133_053_736,
    "vgg16-bn": 138_365_992,
    "vgg19-bn": 143_678_248,
    "nin-cifar10": 966_986,
    "googlenet": 6_998_552,
    "resnet18": 11_689_512,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "resnet101": 44_549_160,
    "resnet152": 60_192_808,
    "resnet20-cifar": 269_722,
    "resnet32-cifar": 464_154,
    "resnet44-cifar": 658_586,
    "resnet56-cifar": 853_018,
    "resnet110-cifar": 1_727_962,
    "squeezenet1.0": 1_248_424,
    "squeezenet1.1": 1_235_496,
    "all-cnn-c": 1_369_738,
    "mobilenet-v1": 4_231_976,
    "mobilenet-v2": 3_504_872,
    "densenet121": 7_978_856,
    "unet": 31_030_658,
    "classic": 120_298,
}
OWN = {"small", "vgg-cifar", "resnet18-cifar"}  # nobody published a count


def sizes(model):
    """The widths that images have from the input to the output, each once in a row."""
    widths = [node.shape[1] for node in model.graph.nodes if len(node.shape) == 3]
    return [
        width
        for position, width in enumerate(widths)
        if position == 0 or width != widths[position - 1]
    ]


@pytest.mark.parametrize(("name", "count"), COUNTS.items())
def test_published_counts(name, count):
    model = zoo.create(name)
    assert model.num_parameters == count
    assert not model.runtime.arena.allocated


def test_every_network_has_its_count():
    assert set(zoo.names()) == COUNTS.keys() | OWN


def test_the_sixty_thousand_of_lenet5():
    layers = zoo.create("lenet5-original").layers
    counts = {layer.name: layer.num_parameters for layer in layers if layer.num_parameters}
    assert counts == {"c1": 156, "s2": 12, "c3": 1516, "s4": 32, "c5": 48_120, "f6": 10_164}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("lenet5", [28, 14, 10, 5]),
        ("lenet5-original", [32, 28, 14, 10, 5, 1]),
        ("alexnet", [224, 55, 27, 13, 6]),
        ("alexnet-grouped", [227, 55, 27, 13, 6]),
        ("zfnet", [224, 110, 55, 26, 13, 6]),
        ("vgg16", [224, 112, 56, 28, 14, 7]),
        ("nin-cifar10", [32, 16, 8]),
        ("all-cnn-c", [32, 16, 8, 6]),
        ("squeezenet1.0", [227, 111, 55, 27, 13, 15]),
        ("squeezenet1.1", [227, 113, 56, 28, 14]),
        ("googlenet", [224, 112, 56, 28, 14, 7]),
        ("mobilenet-v1", [224, 112, 56, 28, 14, 7]),
        ("mobilenet-v2", [224, 112, 56, 28, 14, 7]),
        ("densenet121", [224, 112, 56, 28, 14, 7]),
    ],
)
def test_published_sizes(name, expected):
    assert sizes(zoo.create(name)) == expected


@pytest.mark.parametrize(
    ("name", "stages"),
    [
        (
            "resnet34",
            {
                "layer1_2": (56, 56, 64),
                "layer2_3": (28, 28, 128),
                "layer3_5": (14, 14, 256),
                "layer4_2": (7, 7, 512),
            },
        ),
        (
            "resnet50",
            {
                "layer1_2": (56, 56, 256),
                "layer2_3": (28, 28, 512),
                "layer3_5": (14, 14, 1024),
                "layer4_2": (7, 7, 2048),
            },
        ),
        (
            "resnet56-cifar",
            {"layer1_8": (32, 32, 16), "layer2_8": (16, 16, 32), "layer3_8": (8, 8, 64)},
        ),
        (
            "resnet18-cifar",
            {
                "layer1_1": (32, 32, 64),
                "layer2_1": (16, 16, 128),
                "layer3_1": (8, 8, 256),
                "layer4_1": (4, 4, 512),
            },
        ),
    ],
)
def test_stages_of_residual_networks(name, stages):
    model = zoo.create(name)
    last = "conv3" if name == "resnet50" else "conv2"
    for stage, shape in stages.items():
        assert model.up_to(f"{stage}_{last}").output_shape == shape


def test_modules_of_googlenet():
    model = zoo.create("googlenet")
    channels = {
        "3a": 256,
        "3b": 480,
        "4a": 512,
        "4b": 512,
        "4c": 512,
        "4d": 528,
        "4e": 832,
        "5a": 832,
        "5b": 1024,
    }
    for module, count in channels.items():
        assert model.up_to(f"inception_{module}").output_shape[2] == count


def test_unet_goes_down_and_up_as_in_its_figure():
    model = zoo.create("unet")
    assert model.output_shape == (388, 388, 2)
    widths = {node.shape[1] for node in model.graph.nodes}
    down, up = (
        {570, 568, 284, 282, 280, 140, 138, 136, 68, 66, 64, 32, 30, 28},
        {56, 54, 52, 104, 102, 100, 200, 198, 196, 392, 390, 388},
    )
    assert down | up <= widths
    with pytest.raises(ShapeError):
        zoo.create("unet", input_shape=(64, 64, 1))


SMALL = {
    "lenet5": (28, 28, 1),
    "lenet5-original": (32, 32, 1),
    "classic": (16, 16, 3),
    "small": (8, 8, 1),
    "nin-cifar10": (16, 16, 3),
    "all-cnn-c": (16, 16, 3),
    "vgg-cifar": (16, 16, 3),
    "squeezenet1.0": (35, 35, 3),
    "squeezenet1.1": (35, 35, 3),
    "googlenet": (64, 64, 3),
    "resnet18": (32, 32, 3),
    "resnet20-cifar": (16, 16, 3),
    "resnet18-cifar": (8, 8, 3),
    "mobilenet-v1": (32, 32, 3),
    "mobilenet-v2": (32, 32, 3),
    "densenet121": (32, 32, 3),
}
LARGE = {
    "alexnet": (64, 64, 3),
    "alexnet-grouped": (67, 67, 3),
    "zfnet": (64, 64, 3),
    "vgg11": (32, 32, 3),
    "vgg13-bn": (32, 32, 3),
    "resnet50": (32, 32, 3),
    "unet": (188, 188, 1),
}


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        *SMALL.items(),
        *(pytest.param(name, shape, marks=pytest.mark.slow) for name, shape in LARGE.items()),
    ],
)
def test_one_step_of_training_reaches_every_parameter(name, shape, rng):
    model = zoo.create(name, input_shape=shape, num_classes=10, seed=2)
    labels = rng.integers(0, 10, (4, *model.output_shape[:-1]))
    trainer = cnnrs.Trainer(model, optimizer=cnnrs.optimizers.SGD(1e-3))
    assert np.isfinite(
        trainer.train_step(rng.standard_normal((4, *shape)).astype(np.float32), labels)
    )
    for parameter, gradient in model.gradients().items():
        assert np.isfinite(gradient).all(), parameter
        assert gradient.any() or name in ("nin-cifar10", "all-cnn-c"), (
            parameter
        )  # a ReLU over few logits may close
    assert np.isfinite(model(rng.standard_normal((1, *shape)))).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["lenet5", "lenet5-original", "small", "resnet20-cifar", "classic", "vgg-cifar"],
)
def test_they_learn_and_come_back_from_a_file(name, rng, tmp_path):
    model = zoo.create(
        name, input_shape=(32, 32, 1), num_classes=3, seed=5, class_names=["a", "b", "c"]
    )
    x = rng.random((6, 32, 32, 1))
    trainer = cnnrs.Trainer(
        model,
        optimizer=cnnrs.optimizers.SGD(0.001 if name == "lenet5-original" else 0.01, momentum=0.9),
    )
    losses = [trainer.train_step(x, [0, 1, 2, 0, 1, 2]) for _ in range(20)]
    assert np.mean(losses[-3:]) < losses[0]  # dropout makes single ones uncertain
    model.save(tmp_path / "model.cnnrs")
    assert np.array_equal(cnnrs.load(tmp_path / "model.cnnrs")(x), model(x))


def test_preprocessing_is_part_of_the_model(rng):
    plain, scaled = zoo.create("small"), zoo.create("small", preprocessing=Rescale(1 / 255))
    images = rng.integers(0, 256, (3, 8, 8, 1)).astype(np.uint8)
    np.testing.assert_allclose(scaled(images), plain(images / 255), rtol=1e-4, atol=1e-6)


def test_classes_and_names():
    assert zoo.create("small", class_names=["yes", "no"]).output_shape == (2,)
    for bad in ("lenet6", None, 5):
        with pytest.raises(ArgumentError, match=r"classic, .*lenet5, .*small"):
            zoo.create(bad)
    with pytest.raises(ShapeError, match="4x4x1"):
        zoo.create("lenet5", input_shape=(4, 4, 1))
    with pytest.raises(ArgumentError, match="class_names"):
        zoo.create("small", num_classes=3, class_names=["yes", "no"])


def test_every_paper_is_named():
    for name, entry in zoo.ENTRIES.items():
        build = getattr(entry.build, "func", entry.build)
        assert build.__doc__, name
        assert name in OWN | {"classic"} or "References" in build.__doc__, name
