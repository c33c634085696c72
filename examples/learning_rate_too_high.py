"""Show the limit of the learning rate on a quadratic loss and on handwritten digits.

On the loss ½ a w² the limit is known exactly: gradient descent multiplies w by 1 - rate · a in
every step, so it converges below rate = 2 / a and diverges above (Y. LeCun, L. Bottou, G. Orr,
K.-R. Müller: Efficient BackProp, 1998, section 4.6). On digits the limit is found by trying. With
too low a rate the loss is still high after training; with too high a rate it ends above ln 10 =
2.303, the loss of a guess.

On the digits of 8 by 8 pixels that come with cnnrs, and on MNIST:

    python examples/learning_rate_too_high.py
    python examples/learning_rate_too_high.py --data-dir ../shared/data
"""

import argparse

import numpy as np

import cnnrs
from cnnrs import datasets, optimizers, zoo
from cnnrs.errors import NonFiniteError
from cnnrs.layers import Dense, Rescale


def bowl(rate: float, steps: int = 60, curvature: float = 4.0) -> float:
    """Return the distance from the minimum of ½ a w² after some steps from w = 1."""
    model = cnnrs.Sequential((1,), [Dense(1, use_bias=False)], dtype="float64")
    model.layers[0].weight[...] = 1.0
    trainer = cnnrs.Trainer(
        model, "half_sum_of_squares", optimizer=optimizers.SGD(rate), metrics=[]
    )
    for _ in range(steps):
        trainer.train_step(np.full((1, 1), curvature**0.5), np.zeros((1, 1)))
    return float(abs(model.layers[0].weight[0, 0]))


def parse_options() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data-dir",
        help="the folder with mnist/; without it, the digits that come with cnnrs are used",
    )
    parser.add_argument("--images", type=int, default=10_000, help="training images used, at most")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="one epoch, to see that it runs")
    return parser.parse_args()


def main() -> None:
    options = parse_options()
    print("½ · 4 w² from w = 1, 60 steps; the limit is 2 / 4 = 0.5")
    for rate in (0.1, 0.4, 0.49, 0.5, 0.51, 0.6):
        distance = bowl(rate)
        verdict = (
            "converges"
            if distance < 0.99
            else "diverges"
            if distance > 1.01
            else "stays where it is"
        )
        print(f"  learning rate {rate:<5} |w| = {distance:<10.3g} {verdict}")

    images = (
        datasets.load_digits()
        if options.data_dir is None
        else datasets.load_mnist(options.data_dir)
    )
    few, epochs = (1000, 1) if options.quick else (options.images, options.epochs)
    train = images.x_train[:few], images.y_train[:few]
    print(
        f"{images.name}: test loss of a network trained for {epochs} epochs on {len(train[0]):,} "
        "images"
    )
    for rate in (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0):
        model = zoo.create(
            "small",
            input_shape=images.image_shape,
            preprocessing=Rescale(1 / 255),
            seed=options.seed,
        )
        trainer = cnnrs.Trainer(
            model, optimizer=optimizers.SGD(rate, momentum=0.9), seed=options.seed
        )
        try:
            trainer.fit(train, epochs=epochs, batch_size=64)
            result = trainer.evaluate(images.test)
            print(
                f"  learning rate {rate:<6g} loss {result['loss']:<10.4g} test accuracy "
                f"{100 * result['accuracy']:.2f} %",
                flush=True,
            )
        except NonFiniteError as error:
            print(f"  learning rate {rate:<6g} diverged: {str(error).split(';')[0]}", flush=True)


if __name__ == "__main__":
    main()
