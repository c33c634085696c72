"""Measure vanishing gradients through 20 and 30 layers, by activation and initialisation.

Published: with sigmoid units the gradient decreases exponentially with depth (Y. Bengio et al.
1994; X. Glorot, Y. Bengio 2010). A network of 30 rectified layers does not learn with Glorot's
initialisation and learns with He's (K. He et al.: Delving Deep into Rectifiers, 2015, figure 3).
The paper uses an ImageNet network. Here it is a network of dense layers of 64 units on handwritten
digits of 8 by 8 pixels, with a clipped gradient.

    python examples/vanishing_gradients.py
"""

import argparse

import cnnrs
from cnnrs import datasets, optimizers
from cnnrs.layers import Add, BatchNorm, Dense, Flatten, Input, Normalize, ReLU, Sigmoid

UNITS = 64
NETWORKS = {  # activation, initialiser, batch normalisation, residual connections
    "sigmoid, Glorot": (Sigmoid, "glorot_uniform", False, False),
    "ReLU, Glorot": (ReLU, "glorot_uniform", False, False),
    "ReLU, He": (ReLU, "he_normal", False, False),
    "sigmoid, Glorot, batch norm.": (Sigmoid, "glorot_uniform", True, False),
    "ReLU, Glorot, batch norm., residual": (ReLU, "glorot_uniform", True, True),
}


def network(kind: str, depth: int, seed: int) -> cnnrs.Model:
    activation, initializer, normalise, residual = NETWORKS[kind]
    inputs = Input((8, 8, 1))
    x = Dense(UNITS, weight_initializer=initializer, name="first")(
        Flatten()(Normalize([77.9], [95.8])(inputs))
    )
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
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", help="not needed: the digits come with cnnrs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--quick", action="store_true", help="one epoch of training, to see that it runs"
    )
    options = parser.parse_args()

    digits = datasets.load_digits()
    epochs = 1 if options.quick else 30
    print(
        "first / last: ratio of the gradient norms of first and last layer before training; "
        f"accuracy after {epochs} epochs"
    )
    for depth in (20, 30):
        for kind in NETWORKS:
            # Clipped, because the gradient of a few batches is far too large.
            optimizer = optimizers.SGD(0.01, momentum=0.9, clip_norm=1.0)
            trainer = cnnrs.Trainer(
                network(kind, depth, options.seed), optimizer=optimizer, seed=options.seed
            )
            trainer.forward(digits.x_train[:256])
            trainer.compute_loss(digits.y_train[:256])
            trainer.backward()
            norms = trainer.gradient_norms()
            history = trainer.fit(digits.train, epochs=epochs, batch_size=32)
            print(
                f"{depth} layers, {kind:<35} first / last {norms['first'] / norms['last']:9.2e}, "
                f"training accuracy {100 * history['accuracy'][-1]:6.2f} %",
                flush=True,
            )
    print(
        "published: exponential decrease with sigmoid units; 30 rectified layers learn with He's "
        "initialisation, not with Glorot's"
    )


if __name__ == "__main__":
    main()
