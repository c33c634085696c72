"""A learning rate too high: on a bowl, where the limit is known exactly, and on handwritten digits,
where it is found by trying.

Known: descent on the loss ½ a w² multiplies w by 1 - rate · a in every step, so it converges below
rate = 2 / a and diverges above (Y. LeCun, L. Bottou, G. Orr, K.-R. Müller: Efficient BackProp,
1998, section 4.6). On digits no such number is known; the loss after training is a valley over the
rate: too low a rate does not arrive, too high a rate ends above ln 10 = 2.303, the loss of a guess.

    python examples/learning_rate_too_high.py                              # on the digits of 8 by 8
    pixels that come with cnnrs python examples/learning_rate_too_high.py --data-dir ../shared/data
    # on MNIST
"""

import argparse

import numpy as np

import cnnrs
from cnnrs import datasets, optimizers, zoo
from cnnrs.errors import NonFiniteError
from cnnrs.layers import Dense, Rescale


def bowl(rate: float, steps: int = 60, curvature: float = 4.0) -> float:
    """The distance from the minimum of ½ a w², from 1, after some steps."""
    model = cnnrs.Sequential((1,), [Dense(1, use_bias=False)], dtype="float64")
    model.layers[0].weight[...] = 1.0
    trainer = cnnrs.Trainer(
        model, "half_sum_of_squares", optimizer=optimizers.SGD(rate), metrics=[]
    )
    for _ in range(steps):
        trainer.train_step(np.full((1, 1), curvature**0.5), np.zeros((1, 1)))
    return float(abs(model.layers[0].weight[0, 0]))


def main() -> None:
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
    options = parser.parse_args()

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
