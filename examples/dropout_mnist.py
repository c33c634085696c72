"""Dropout against none: a perceptron with three hidden layers of 1,024 rectified units on MNIST.

Published: 1.60 % test error for a standard neural network, 1.25 % with dropout and this architecture (N. Srivastava et al.: Dropout: A
Simple Way to Prevent Neural Networks from Overfitting, JMLR 15, 2014, table 2). There a million updates and a max-norm constraint
were used; here it is minutes.

    python examples/dropout_mnist.py --data-dir ../shared/data
"""

import argparse

import cnnrs
from cnnrs import datasets, optimizers, schedules
from cnnrs.layers import Dense, Dropout, Flatten, Layer, ReLU, Rescale

PUBLISHED = {False: 1.60, True: 1.25}  # percent


def network(dropout: bool, units: int, seed: int) -> cnnrs.Model:
    layers: list[Layer] = [Rescale(1 / 255), Flatten(), *([Dropout(0.2)] if dropout else [])]
    for _ in range(3):
        layers += [Dense(units), ReLU(), *([Dropout(0.5)] if dropout else [])]
    return cnnrs.Sequential((28, 28, 1), [*layers, Dense(10)], seed=seed)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", help="the folder with mnist/ (default: $CNNRS_DATA, the cache folder, a download)")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--units", type=int, default=1024)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="a small network and a few images only, to see that it runs")
    options = parser.parse_args()

    mnist = datasets.load_mnist(options.data_dir)
    few, epochs, units = (2000, 2, 64) if options.quick else (None, options.epochs, options.units)
    for dropout, published in PUBLISHED.items():
        optimizer = optimizers.SGD(schedules.Cosine(0.1), momentum=0.9)
        trainer = cnnrs.Trainer(network(dropout, units, options.seed), optimizer=optimizer, seed=options.seed)
        history = trainer.fit((mnist.x_train[:few], mnist.y_train[:few]), epochs=epochs, batch_size=128)
        error = 100 * (1 - trainer.evaluate(mnist.test)["accuracy"])
        print(
            f"{'with' if dropout else 'without'} dropout: test error {error:.2f} %, training error "
            f"{100 * (1 - history['accuracy'][-1]):.2f} %; published test error {published:.2f} %",
            flush=True,
        )


if __name__ == "__main__":
    main()
