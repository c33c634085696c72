"""Programs of steps: unknown names and impossible orders are refused."""

import numpy as np
import pytest

from cnnrs import ops
from cnnrs.errors import ArgumentError

IMAGES = np.zeros((1, 4, 4, 3), np.uint8)
SIZE = np.array([4])


def run(kind, mode, parameters, constants=()):
    step = ops.AugmentStep(kind, mode, None, np.array([parameters], float), np.array(constants))
    return ops.augment(IMAGES, [step], SIZE, SIZE)


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "symmetric"])
def test_borders_go_by_name(mode):
    assert run("crop", mode, (1, 1, 4, 4), [7.0]).max() == (7 if mode == "constant" else 0)


@pytest.mark.parametrize("mode", ["nearest", "bilinear", "antialias"])
def test_interpolations_go_by_name(mode):
    assert run("resize", mode, (0, 0, 2, 2, 4, 4)).shape == IMAGES.shape


@pytest.mark.parametrize(
    ("kind", "mode", "parameters", "text"),
    [
        ("crop", "wrap", (0, 0, 4, 4), 'border: .*"symmetric", got "wrap"'),
        ("crop", "", (0, 0, 4, 4), "border"),
        ("resize", "cubic", (0, 0, 4, 4, 4, 4), 'interpolation: .*"antialias", got "cubic"'),
        ("warp", "edge", (1, 0, 0, 0, 1, 0, 0, 0, 1, 4, 4), "interpolation"),
        ("elastic", "", (0, 0, 1, 1, 1, 1), "interpolation"),
        ("color_jitter", "", (0, 1, 1, 2, 1.5, 1, 1, 0), "order"),
        ("color_jitter", "", (0, 1, 2, 4, 1.5, 1, 1, 0), "order"),
        ("color_jitter", "", (0, 1, 2, 2.5, 1.5, 1, 1, 0), "order"),
        ("fold", "", (), "fold"),
    ],
)
def test_unknown_names_are_refused(kind, mode, parameters, text):
    with pytest.raises(ArgumentError, match=text):
        run(kind, mode, parameters, [0.0])
