"""Train LeNet-5 with ReLU and max pooling on MNIST, with or without distorted images.

Published: 0.95 % test error without distortions, 0.8 % with distorted images among the training
images (Y. LeCun, L. Bottou, Y. Bengio, P. Haffner: Gradient-based learning applied to document
recognition, 1998, section III.C). The recipe was chosen on 10,000 of the training images. The test
images are used once, at the end.

    python examples/lenet5_mnist.py --data-dir ../shared/data
    python examples/lenet5_mnist.py --data-dir ../shared/data --distort
"""

import argparse

import cnnrs
from cnnrs import augment, datasets, optimizers, schedules, zoo
from cnnrs.layers import Rescale

PUBLISHED = {False: 0.95, True: 0.8}  # percent, without and with distortions


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data-dir",
        help="the folder with mnist/ (default: $CNNRS_DATA, the cache folder, a download)",
    )
    parser.add_argument(
        "--distort",
        action="store_true",
        help="rotate, shift, scale and shear the training images, differently in each epoch",
    )
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--checkpoint-dir",
        help="folder of checkpoints; run again to continue an interrupted training",
    )
    parser.add_argument(
        "--quick", action="store_true", help="a few images only, to see that it runs"
    )
    options = parser.parse_args()

    mnist = datasets.load_mnist(options.data_dir)
    few, epochs = (2000, 2) if options.quick else (None, options.epochs)
    transform = augment.presets.mnist() if options.distort else None
    train = mnist.x_train[:few], mnist.y_train[:few]
    loader = cnnrs.data.Loader(
        train, batch_size=64, shuffle=True, seed=options.seed, transform=transform
    )
    model = zoo.create("lenet5", preprocessing=Rescale(1 / 255), seed=options.seed)
    optimizer = optimizers.SGD(schedules.Cosine(0.05), momentum=0.9, weight_decay=5e-4)
    trainer = cnnrs.Trainer(model, optimizer=optimizer, seed=options.seed)
    trainer.fit(loader, epochs=epochs, checkpoint_dir=options.checkpoint_dir)

    result = trainer.evaluate(mnist.test)
    low, high = (100 * (1 - bound) for bound in reversed(result["accuracy_interval"]))
    error = 100 * (1 - result["accuracy"])
    print(
        f"test error {error:.2f} % (95 % interval {low:.2f} to {high:.2f} %); published "
        f"{PUBLISHED[options.distort]} %"
    )


if __name__ == "__main__":
    main()
