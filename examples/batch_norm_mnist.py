"""Train with and without batch normalisation, as in its paper: three layers of 100 sigmoid units.

The data is MNIST, in batches of 60, for 50,000 steps.

Published: figure 1(a) of S. Ioffe, C. Szegedy: Batch Normalization (2015): the normalised network
is ahead at every point and reaches about 98 %, the plain network 96 to 97 % (read off the figure).

    python examples/batch_norm_mnist.py --data-dir ../shared/data
"""

import argparse

import cnnrs
from cnnrs import datasets, optimizers
from cnnrs.initializers import Normal
from cnnrs.layers import BatchNorm, Dense, Flatten, Layer, Rescale, Sigmoid

BATCH_SIZE = 60


def network(normalise: bool, seed: int) -> cnnrs.Model:
    """Build the network with small Gaussian weights, as in the paper."""
    layers: list[Layer] = [Rescale(1 / 255), Flatten()]
    for _ in range(3):
        layers += [
            Dense(100, weight_initializer=Normal(0.1)),
            *([BatchNorm()] if normalise else []),
            Sigmoid(),
        ]
    return cnnrs.Sequential(
        (28, 28, 1), [*layers, Dense(10, weight_initializer=Normal(0.1))], seed=seed
    )


def parse_options() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data-dir",
        help="the folder with mnist/ (default: $CNNRS_DATA, the cache folder, a download)",
    )
    parser.add_argument("--steps", type=int, default=50_000)
    parser.add_argument("--learning-rate", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--quick", action="store_true", help="a few steps only, to see that it runs"
    )
    return parser.parse_args()


def main() -> None:
    options = parse_options()
    mnist = datasets.load_mnist(options.data_dir)
    steps = 200 if options.quick else options.steps
    every = max(1, steps // 25)
    loader = cnnrs.data.Loader(
        mnist.train, BATCH_SIZE, shuffle=True, drop_last=True, seed=options.seed
    )
    plain, normal = (
        cnnrs.Trainer(
            network(normalise, options.seed),
            optimizer=optimizers.SGD(options.learning_rate),
            seed=options.seed,
        )
        for normalise in (False, True)
    )
    print("step    without    with batch normalisation (test accuracy)")
    ahead = points = step = 0
    while step < steps:
        for x, y in loader:
            step += 1
            plain.train_step(x, y)
            normal.train_step(x, y)
            if step % every == 0:
                accuracies = [
                    trainer.evaluate(mnist.test, batch_size=1000)["accuracy"]
                    for trainer in (plain, normal)
                ]
                points += 1
                ahead += accuracies[1] > accuracies[0]
                print(
                    f"{step:6}  {100 * accuracies[0]:6.2f} %   {100 * accuracies[1]:6.2f} %",
                    flush=True,
                )
            if step == steps:
                break
    print(f"batch normalisation ahead at {ahead} of {points} checkpoints; published: at all")


if __name__ == "__main__":
    main()
