"""Compare ReLU with tanh: epochs until the training error on CIFAR-10 is 25 %.

Published: six times fewer epochs with ReLU, for a network of four convolutions (A. Krizhevsky, I.
Sutskever, G. Hinton: ImageNet Classification with Deep Convolutional Neural Networks, 2012, figure
1). As there, each network uses the fastest of a few learning rates, without regularisation. Here
10,000 of the 50,000 images are used, and the initial weights are those of K. He et al. (2015). The
published result is not reproduced under these conditions: with the rate 0.01, tanh reaches 25 %
sooner than ReLU with any of the rates. Deep networks show the cost of saturating units: see
vanishing_gradients.py, which uses sigmoid units.

    python examples/relu_against_tanh.py --data-dir ../shared/data
"""

import argparse
import contextlib
import math

import numpy as np

import cnnrs
from cnnrs import datasets, optimizers
from cnnrs.callbacks import Callback
from cnnrs.errors import NonFiniteError
from cnnrs.layers import Conv2D, Dense, Flatten, Layer, MaxPool2D, ReLU, Tanh

TARGET = 0.25
RATES = (0.003, 0.001, 0.01)


def network(activation: type[Layer], seed: int) -> cnnrs.Model:
    layers: list[Layer] = []
    for filters, pool in ((32, False), (32, True), (64, False), (64, True)):
        layers += [
            Conv2D(filters, 3, padding="same"),
            activation(),
            *([MaxPool2D(2)] if pool else []),
        ]
    return cnnrs.Sequential((32, 32, 3), [*layers, Flatten(), Dense(10)], seed=seed)


class StopAt(Callback):
    """Stop when the training error reaches the target, and interpolate the epoch."""

    def __init__(self) -> None:
        self.epochs: float | None = None
        self.before = 0.9

    def on_epoch_end(self, trainer: cnnrs.Trainer, numbers: dict[str, float]) -> None:
        error = 1 - numbers["accuracy"]
        if error <= TARGET:
            self.epochs = trainer.epoch - (TARGET - error) / max(self.before - error, 1e-9)
            trainer.stop = True
        self.before = error


def parse_options() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data-dir",
        help="the folder with cifar10/ (default: $CNNRS_DATA, the cache folder, a download)",
    )
    parser.add_argument("--images", type=int, default=10_000, help="training images used")
    parser.add_argument("--epochs", type=int, default=40, help="maximum number of epochs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--quick", action="store_true", help="a few images only, to see that it runs"
    )
    return parser.parse_args()


def main() -> None:
    options = parse_options()
    images, epochs = (300, 2) if options.quick else (options.images, options.epochs)
    cifar = datasets.load_cifar10(options.data_dir)
    x, y = cifar.x_train[:images].astype(np.float32) / 64 - 2, cifar.y_train[:images]
    fastest = []
    for activation in (ReLU, Tanh):
        best = math.inf
        for rate in RATES:
            stop = StopAt()
            trainer = cnnrs.Trainer(
                network(activation, options.seed),
                optimizer=optimizers.SGD(rate, momentum=0.9),
                seed=options.seed,
            )
            with contextlib.suppress(NonFiniteError):
                trainer.fit(
                    (x, y), epochs=math.ceil(min(best, epochs)), batch_size=64, callbacks=[stop]
                )  # more would not be faster
            outcome = (
                f"{stop.epochs:.1f} epochs"
                if stop.epochs
                else f"more than {trainer.epoch} epochs, or never"
            )
            print(
                f"{activation.__name__}, learning rate {rate}: {100 * TARGET:.0f} % training error "
                f"after {outcome}",
                flush=True,
            )
            best = min(best, stop.epochs or math.inf)
        fastest.append(best)
    relu, tanh = fastest
    if math.isfinite(relu + tanh):
        print(f"tanh needs {tanh / relu:.1f} times the epochs of ReLU; published: 6 times")
    else:
        print("too few epochs to compare; published: tanh needs 6 times the epochs of ReLU")


if __name__ == "__main__":
    main()
