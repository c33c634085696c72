"""Vanishing gradients: how much of the gradient reaches the first layer, through 20 and 30 layers, by activation and initialisation.

Published: sigmoid units let it decrease exponentially with depth (Y. Bengio et al. 1994; X. Glorot, Y. Bengio 2010); through 30 rectified
layers training stalls with Glorot's initialisation and runs with He's (K. He et al.: Delving Deep into Rectifiers, 2015, figure 3).

    python examples/vanishing_gradients.py
"""

import argparse

import cnnrs
from cnnrs import datasets
from cnnrs.errors import NonFiniteError
from cnnrs.layers import Add, BatchNorm, Dense, Flatten, Input, Normalize, ReLU, Sigmoid

UNITS = 64
NETWORKS = {  # activation, initialiser, batch normalisation, residual connections
    "sigmoid, Glorot": (Sigmoid, "glorot_uniform", False, False),
    "ReLU, Glorot": (ReLU, "glorot_uniform", False, False),
    "ReLU, He": (ReLU, "he_normal", False, False),
    "sigmoid, Glorot, batch normalisation": (Sigmoid, "glorot_uniform", True, False),
    "ReLU, Glorot, residual": (ReLU, "glorot_uniform", False, True),
}


def network(kind: str, depth: int, seed: int) -> cnnrs.Model:
    activation, initializer, normalise, residual = NETWORKS[kind]
    inputs = Input((8, 8, 1))
    x = Dense(UNITS, weight_initializer=initializer, name="first")(Flatten()(Normalize([4.9], [6.0])(inputs)))
    x = activation()(x)
    for number in range(2, depth):
        before = x
        x = Dense(UNITS, weight_initializer=initializer, name=f"layer_{number}")(x)
        x = BatchNorm()(x) if normalise else x
        x = activation()(x)
        x = Add()([before, x]) if residual else x
    x = Dense(UNITS, weight_initializer=initializer, name="last")(x)
    return cnnrs.Model(inputs, Dense(10)(activation()(x)), seed=seed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", help="not needed: the digits come with cnnrs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="one epoch of training, to see that it runs")
    options = parser.parse_args()

    digits = datasets.load_digits()
    print("first / last: gradient norm of the first layer by that of the last, before training; accuracy: training images, after training")
    for depth in (20, 30):
        for kind in NETWORKS:
            trainer = cnnrs.Trainer(network(kind, depth, options.seed), optimizer=cnnrs.optimizers.SGD(0.01, 0.9), seed=options.seed)
            trainer.forward(digits.x_train[:256])
            trainer.loss(digits.y_train[:256])
            trainer.backward()
            norms = trainer.gradient_norms()
            try:
                history = trainer.fit(digits.train, epochs=1 if options.quick else 10, batch_size=32)
                learned = f"accuracy {100 * history['accuracy'][-1]:6.2f} %"
            except NonFiniteError:
                learned = "diverged: its activations grow with depth; it needs a smaller learning rate or batch normalisation"
            print(
                f"{depth} layers, {kind:<37} first / last {norms['first'] / norms['last']:9.2e}, {learned}",
                flush=True,
            )
    print("published: exponential decrease with sigmoid; 30 rectified layers learn with He's initialisation, not with Glorot's")


if __name__ == "__main__":
    main()
