"""Write the model files of `tests/model/test_old_files.py`, with the outputs that they predict.

The files in this folder were written by version 0.1.0. They are not written again: a later version
must read the files of an earlier version. Run the script under ``CNNRS_SIMD=portable`` to add files
of a newer version: ``python make_files.py FOLDER``.
"""

import sys
from pathlib import Path

import numpy as np

import cnnrs
from cnnrs.layers import (
    Add,
    BatchNorm,
    Concat,
    Conv2D,
    Conv2DTranspose,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePool2D,
    MaxPool2D,
    ReLU,
    Rescale,
    SeparableConv2D,
    Softmax,
)


def sequential() -> cnnrs.Sequential:
    """A chain: activations by name and as layers, batch normalisation, pooling, dense layers."""
    layers = [
        Rescale(1 / 255),
        Conv2D(6, 3, padding="same", activation="relu"),
        MaxPool2D(2),
        Conv2D(8, 3, padding="same", use_bias=False),
        BatchNorm(),
        ReLU(),
        MaxPool2D(2),
        Conv2D(6, 2, activation="gelu", name="curved"),
        Flatten(),
        Dense(12, activation="tanh"),
        Dropout(0.25),
        Dense(4),
        Softmax(),
    ]
    names = ["cat", "dog", "bird", "fish"]
    return cnnrs.Sequential((12, 12, 3), layers, seed=11, class_names=names)


def graph() -> cnnrs.Model:
    """A graph: transposed and separable convolutions, a sum, a concatenation, a global mean."""
    inputs = cnnrs.Input((9, 9, 4), name="image")
    x = SeparableConv2D(6, 3, stride=2, padding=1, activation="relu")(inputs)
    y = ReLU()(Add()([x, Conv2D(6, 1, stride=2)(inputs)]))
    z = Conv2DTranspose(5, 3, stride=2, padding=1, activation="relu")(y)
    joined = Concat()([z, inputs])
    return cnnrs.Model(inputs, Dense(3)(GlobalAveragePool2D()(joined)), seed=12)


def main(folder: Path) -> None:
    random = np.random.default_rng(0)
    for name, model in (("sequential", sequential()), ("graph", graph())):
        state = model.state_dict()
        for key, value in state.items():  # running statistics and biases as after training
            noise = random.standard_normal(value.shape).astype(np.float32)
            state[key] = value + 0.25 * (np.abs(noise) if key.endswith("running_var") else noise)
        model.load_state_dict(state)
        x = (255 * random.random((3, *model.input_shape))).astype(np.float32)
        model.save(folder / f"{name}.cnnrs")
        np.savez(folder / f"{name}.npz", x=x, output=model(x))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
