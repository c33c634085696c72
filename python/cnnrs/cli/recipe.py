"""Settings of ``cnnrs train``: network, optimizer, learning rate, augmentation."""

from __future__ import annotations

import argparse
import difflib
from dataclasses import dataclass

from cnnrs import augment, optimizers, schedules, zoo
from cnnrs.augment import Transform
from cnnrs.cli.arguments import UsageError, positive, positive_rate
from cnnrs.cli.parts import Parts
from cnnrs.errors import ShapeError
from cnnrs.layers import Layer
from cnnrs.model import Model

__all__ = ["Recipe", "add_options", "augmentation", "build", "choose", "optimizer"]

MODELS = tuple(name for name in zoo.names() if name != "unet")  # it classifies pixels, not images
OPTIMIZERS = ("sgd", "adam", "adamw", "rmsprop", "lion", "muon")
AUGMENTATIONS = ("none", "mnist", "cifar", "photos")
MOMENTUM = 0.9
WEIGHT_DECAY = 5e-4
WARM_UP = 0.1  # of the training; without it a first large step can leave every ReLU at zero
BATCH_SIZE = 64
IMAGE_SIDE = 32  # pixels
# For SGD, at BATCH_SIZE and IMAGE_SIDE. 5x5 filters with many channels have larger gradients and
# need smaller steps.
LEARNING_RATES = {"small": 0.02, "lenet5": 0.02}
LEARNING_RATE = 0.01
# The steps of these optimizers do not grow with the gradient: one rate serves all networks.
OTHER_RATES = {"adam": 1e-3, "adamw": 1e-3, "rmsprop": 1e-3, "lion": 2e-4, "muon": 1e-3}
# Model, epochs and batch size.
DEFAULTS = {
    "digits": ("small", 30, 16),
    "mnist": ("lenet5", 5, BATCH_SIZE),
    "fashion-mnist": ("classic", 6, BATCH_SIZE),
    "cifar10": ("classic", 10, BATCH_SIZE),
}
FOLDER_DEFAULTS = ("small", 30, 16)


@dataclass(frozen=True)
class Recipe:
    """How a model is trained."""

    model: str
    epochs: int
    batch_size: int
    optimizer: str
    learning_rate: float  # the highest
    augmentation: str


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a recipe to the parser."""
    parser.add_argument(
        "--model",
        type=_network,
        metavar="NAME",
        help=f"network (default: depends on the data set); one of {', '.join(MODELS)}",
    )
    parser.add_argument(
        "--epochs",
        type=positive,
        metavar="N",
        help="passes over the training images (default: depends on the data set)",
    )
    parser.add_argument(
        "--batch-size",
        type=positive,
        metavar="N",
        help="images per step (default: depends on the data set)",
    )
    parser.add_argument(
        "--optimizer",
        choices=OPTIMIZERS,
        default="sgd",
        help="optimizer; sgd uses momentum (default: sgd)",
    )
    parser.add_argument(
        "--lr",
        type=positive_rate,
        metavar="X",
        help="peak learning rate; it falls to 0 with a cosine schedule (default: depends on model "
        "and optimizer)",
    )
    parser.add_argument(
        "--augment",
        choices=AUGMENTATIONS,
        default="none",
        help="augment the training images: mnist for digits, cifar for small photos, photos for "
        "larger photos (default: none)",
    )


def _network(name: str) -> str:
    if name not in MODELS:
        near = difflib.get_close_matches(name, MODELS, n=1)
        meant = f"; did you mean {near[0]!r}?" if near else ""
        known = ", ".join(map(repr, MODELS))
        raise argparse.ArgumentTypeError(f"invalid choice: {name!r} (choose from {known}){meant}")
    return name


def choose(arguments: argparse.Namespace, image_side: int) -> Recipe:
    """Return the settings of the command line, with defaults for the data set."""
    model, epochs, batch_size = DEFAULTS.get(arguments.data, FOLDER_DEFAULTS)
    model, epochs, batch_size = (
        arguments.model or model,
        arguments.epochs or epochs,
        arguments.batch_size or batch_size,
    )
    rate = OTHER_RATES.get(arguments.optimizer)
    if rate is None:
        # Lower for small batches, whose gradients are noisier, and for large images, from which
        # more values reach the last layer.
        by_size = min(1.0, (batch_size / BATCH_SIZE) ** 0.5) * min(1.0, IMAGE_SIDE / image_side)
        rate = LEARNING_RATES.get(model, LEARNING_RATE) * by_size
    return Recipe(
        model, epochs, batch_size, arguments.optimizer, arguments.lr or rate, arguments.augment
    )


def build(name: str, parts: Parts, first: Layer, seed: int) -> Model:
    """Build a network of the zoo for the images and classes of a data set, after a first layer.

    Raises
    ------
    UsageError
        If the network cannot take the images.
    """
    try:
        return zoo.create(
            name,
            input_shape=parts.image_shape,
            class_names=parts.class_names,
            preprocessing=first,
            seed=seed,
        )
    except ShapeError as error:
        height, width, channels = parts.image_shape
        made_for = zoo.ENTRIES[name].input_shape
        raise UsageError(
            f"--model {name}: does not take images of {height}x{width}x{channels}; it was made for "
            f"{'x'.join(map(str, made_for))}; "
            "choose another network, or resize the images of a folder with --image-size "
            f"{max(made_for[:2])} ({str(error).rsplit(' -> ', 1)[-1]})"
        ) from None


def optimizer(recipe: Recipe) -> optimizers.Optimizer:
    """Build the optimizer, with a warm-up over a tenth of the training and a cosine decay to 0."""
    rate = schedules.WarmUp(schedules.Cosine(recipe.learning_rate), epochs=WARM_UP * recipe.epochs)
    if recipe.optimizer == "sgd":
        return optimizers.SGD(rate, momentum=MOMENTUM, nesterov=True, weight_decay=WEIGHT_DECAY)
    rules: dict[str, type[optimizers.Optimizer]] = {
        "adam": optimizers.Adam,
        "adamw": optimizers.AdamW,
        "rmsprop": optimizers.RMSprop,
        "lion": optimizers.Lion,
        "muon": optimizers.Muon,
    }
    return rules[recipe.optimizer](rate)


def augmentation(recipe: Recipe, image_shape: tuple[int, int, int]) -> Transform | None:
    """Return the augmentation of the training images, if any. It keeps their size.

    Raises
    ------
    UsageError
        For the preset ``photos`` with grey images.
    """
    height, width, channels = image_shape
    if recipe.augmentation == "photos":
        if channels != 3:
            raise UsageError(
                "--augment photos: varies colours, but the images are grey; use mnist or cifar"
            )
        return augment.presets.photos((height, width))
    if recipe.augmentation == "cifar":
        return augment.presets.cifar((height, width))
    return augment.presets.mnist() if recipe.augmentation == "mnist" else None
