"""Files of earlier versions: they load, and predict the same bits on the portable path.

The files and the outputs were written by version 0.1.0, see `data/make_files.py`.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import cnnrs

DATA = Path(__file__).parent / "data"
PREDICT = """
import sys
import numpy as np
import cnnrs
model, inputs, result = sys.argv[1:]
np.save(result, cnnrs.load(model)(np.load(inputs)["x"]))
"""


@pytest.mark.parametrize("name", ["sequential", "graph"])
def test_a_file_of_version_0_1_0_predicts_the_same_bits(name, tmp_path):
    result = tmp_path / "result.npy"
    files = [DATA / f"{name}.cnnrs", DATA / f"{name}.npz", result]
    subprocess.run(
        [sys.executable, "-c", PREDICT, *map(str, files)],
        env={**os.environ, "CNNRS_SIMD": "portable"},
        check=True,
        timeout=120,
    )
    expected = np.load(DATA / f"{name}.npz")["output"]
    assert np.load(result).tobytes() == expected.tobytes()


def test_names_and_classes_are_as_they_were():
    model = cnnrs.load(DATA / "sequential.cnnrs")
    assert type(model) is cnnrs.Sequential
    assert model.class_names == ("cat", "dog", "bird", "fish")
    assert list(model.graph.names.values()) == [
        *("rescale_1", "conv2d_1", "max_pool2d_1", "conv2d_2", "batch_norm_1", "relu_1"),
        *("max_pool2d_2", "curved", "flatten_1", "dense_1", "dropout_1", "dense_2", "softmax_1"),
    ]
    graph = cnnrs.load(DATA / "graph.cnnrs")
    assert type(graph) is cnnrs.Model
    assert "separable_conv2d_1.depthwise_weight" in graph.state_dict()


def test_layers_that_moved_are_found(tmp_path):
    model = cnnrs.zoo.create("lenet5-original")
    model.save(tmp_path / "lenet.cnnrs")
    code = f"import cnnrs; print(cnnrs.load({str(tmp_path / 'lenet.cnnrs')!r}).num_parameters)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert int(done.stdout) == model.num_parameters
    with pytest.warns(DeprecationWarning, match="zoo.lenet_layers"):
        from cnnrs.layers import RBFCodes
    assert RBFCodes.__module__ == "cnnrs.zoo.lenet_layers"
    for name, home in (("Traits", "Memory"), ("Window", "FieldOfView")):
        with pytest.raises(AttributeError, match=home):
            getattr(cnnrs.layers, name)
