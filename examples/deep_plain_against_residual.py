"""Compare deep plain and residual networks: depth hurts the plain ones and helps the others.

Published, CIFAR-10 test error: plain networks of 20, 32, 44 and 56 layers get worse with depth, 110
layers above 60 %; residual ones of 20, 32, 44, 56 layers 8.75, 7.51, 7.17, 6.97 % (K. He, X. Zhang,
S. Ren, J. Sun: Deep Residual Learning for Image Recognition, 2015, table 6 and figure 6). That
takes days of training. This is a small version: 8, 20 and 56 layers of 12 filters, 15 epochs, on
1,437 handwritten digits of 8 by 8 pixels. The residual networks learn them without a mistake at
every depth, so the training losses are compared; 360 test images are too few to tell residual
networks apart.

    python examples/deep_plain_against_residual.py
"""

import argparse

import cnnrs
from cnnrs import datasets, optimizers, schedules
from cnnrs.layers import (
    Add,
    BatchNorm,
    Conv2D,
    Dense,
    GlobalAveragePool2D,
    Input,
    Node,
    ReLU,
    Rescale,
)


def block(x: Node, filters: int, residual: bool) -> Node:
    y = ReLU()(BatchNorm()(Conv2D(filters, 3, padding="same", use_bias=False)(x)))
    y = BatchNorm()(Conv2D(filters, 3, padding="same", use_bias=False)(y))
    return ReLU()(Add()([x, y]) if residual else y)


def network(depth: int, residual: bool, seed: int, filters: int = 12) -> cnnrs.Model:
    """Build a network of `depth` layers: one convolution, blocks of two, and a dense layer."""
    inputs = Input((8, 8, 1))
    x = ReLU()(
        BatchNorm()(Conv2D(filters, 3, padding="same", use_bias=False)(Rescale(1 / 255)(inputs)))
    )
    for _ in range((depth - 2) // 2):
        x = block(x, filters, residual)
    return cnnrs.Model(inputs, Dense(10)(GlobalAveragePool2D()(x)), seed=seed)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", help="not needed: the digits come with cnnrs")
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--quick", action="store_true", help="shallow networks and one epoch, to see that it runs"
    )
    options = parser.parse_args()

    digits = datasets.load_digits()
    depths, epochs = ((4, 8), 1) if options.quick else ((8, 20, 56), options.epochs)
    losses = {}
    for residual in (False, True):
        for depth in depths:
            optimizer = optimizers.SGD(schedules.Cosine(0.1), momentum=0.9, weight_decay=1e-4)
            trainer = cnnrs.Trainer(
                network(depth, residual, options.seed), optimizer=optimizer, seed=options.seed
            )
            history = trainer.fit(digits.train, epochs=epochs, batch_size=64)
            test = trainer.evaluate(digits.test)
            losses[residual, depth] = history["loss"][-1]
            print(
                f"{'residual' if residual else 'plain':<8} {depth:3} layers: training loss "
                f"{losses[residual, depth]:.4f}, "
                f"training error {100 * (1 - history['accuracy'][-1]):6.2f} %, test error "
                f"{100 * (1 - test['accuracy']):6.2f} %",
                flush=True,
            )
    for residual in (False, True):
        ratio = losses[residual, depths[-1]] / losses[residual, depths[0]]
        name = "residual" if residual else "plain"
        print(
            f"{name}: training loss with {depths[-1]} layers is {ratio:.2g} times that with "
            f"{depths[0]}"
        )
    print("published: up with depth for plain networks, down for residual ones")


if __name__ == "__main__":
    main()
