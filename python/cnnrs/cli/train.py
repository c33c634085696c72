"""``cnnrs train``: from images to a tested model in one file.

The model takes the images as they are (uint8, 0 to 255): its first layer brings them to mean 0 and deviation 1 with the statistics of the
training images, so that predicting needs no knowledge of how it was trained.
"""

import argparse
import importlib.util
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cnnrs import datasets, optimizers, schedules, zoo
from cnnrs.callbacks import Callback
from cnnrs.cli.arguments import UsageError, add_data_dir, add_threads, note, positive, positive_rate, set_threads, whole
from cnnrs.cli.parts import FolderOptions, Parts, load_parts, short_name
from cnnrs.cli.report import print_report
from cnnrs.layers import Normalize
from cnnrs.model import Model
from cnnrs.trainer import History, Trainer

__all__ = ["add_parser"]

MODELS = ("small", "lenet5", "classic")  # suited to small images; the zoo may hold others
MOMENTUM = 0.9
WEIGHT_DECAY = 5e-4
WARM_UP = 0.1  # of the training; without it a first large step can leave every ReLU at zero
BATCH_SIZE = 64
IMAGE_SIDE = 32  # pixels
# At that batch size and image size. Filters of five by five with many channels have larger gradients, and take smaller steps.
LEARNING_RATES = {"small": 0.02, "lenet5": 0.02, "classic": 0.01}


@dataclass(frozen=True)
class Recipe:
    """How a model is trained."""

    model: str
    epochs: int
    batch_size: int
    learning_rate: float  # the highest


# Model, epochs and batch size where the command line does not say.
DEFAULTS = {
    "digits": ("small", 30, 16),
    "mnist": ("lenet5", 5, BATCH_SIZE),
    "fashion-mnist": ("classic", 6, BATCH_SIZE),
    "cifar10": ("classic", 10, BATCH_SIZE),
}
FOLDER_DEFAULTS = ("small", 30, 16)


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    text = (
        "Train a network, test it on images it has not seen, and save it. Without arguments it trains on the handwritten digits that come "
        "with the package, in seconds. The same seed gives the same figures with any number of threads."
    )
    parser = subparsers.add_parser("train", help="train, test and save a model", description=text, allow_abbrev=False)
    known = ", ".join(datasets.names())
    parser.add_argument(
        "data",
        metavar="DATA",
        nargs="?",
        default="digits",
        help=f"{known}, or a folder with one sub-folder of images per class (default: digits)",
    )
    parser.add_argument("--model", choices=MODELS, help="the network (default: by data set)")
    parser.add_argument("--epochs", type=positive, metavar="N", help="passes over the training images (default: by data set)")
    parser.add_argument("--batch-size", type=positive, metavar="N", help="images per step (default: by data set)")
    parser.add_argument(
        "--lr", type=positive_rate, metavar="X", help="highest learning rate; it falls to 0 on a cosine (default: by model)"
    )
    parser.add_argument("--seed", type=whole, default=0, metavar="N", help="of division, initial weights and order (default: 0)")
    parser.add_argument("--out", metavar="FILE", help="where to save the model (default: cnnrs-DATA.cnnrs)")
    parser.add_argument("--image-size", type=positive, metavar="N", help="resize the images of a folder to N x N")
    parser.add_argument("--grey", action="store_true", help="take the images of a folder as grey")
    parser.add_argument("--skip-broken", action="store_true", help="leave damaged files of a folder out instead of stopping")
    add_data_dir(parser)
    add_threads(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Train, save, and print summary and report."""
    set_threads(arguments)
    target = checked_target(arguments.out or f"cnnrs-{short_name(arguments.data)}.cnnrs")
    size = (arguments.image_size, arguments.image_size) if arguments.image_size else None
    options = FolderOptions(size, 1 if arguments.grey else 3, arguments.skip_broken)
    parts = load_parts(arguments.data, options, arguments.data_dir, arguments.seed)
    train, validation, test = (len(y) for _, y in (parts.train, parts.validation, parts.test))
    note(f"{parts.description}; {train} training, {validation} validation, {test} test images")
    recipe = chosen_recipe(arguments, max(parts.image_shape[:2]))
    model = build_model(recipe.model, parts, arguments.seed)
    print(model.summary(), flush=True)
    history = fit(model, parts, recipe, arguments.seed)
    model.save(target)
    note(f"model saved as {target}")
    save_curves(history, target)
    print()
    print_report(model, *parts.test, parts.class_names)
    return 0


def chosen_recipe(arguments: argparse.Namespace, image_side: int) -> Recipe:
    """What the command line says, and for the rest what suits the data set."""
    model, epochs, batch_size = DEFAULTS.get(arguments.data, FOLDER_DEFAULTS)
    model, epochs, batch_size = arguments.model or model, arguments.epochs or epochs, arguments.batch_size or batch_size
    # Less for small batches, whose gradients are noisier, and for large images, from which more values reach the last layer.
    rate = LEARNING_RATES[model] * min(1.0, (batch_size / BATCH_SIZE) ** 0.5) * min(1.0, IMAGE_SIDE / image_side)
    return Recipe(model, epochs, batch_size, arguments.lr or rate)


def checked_target(out: str) -> Path:
    """The path to save to, refused before the training and not after it."""
    target = Path(out).expanduser()
    if target.is_dir():
        raise UsageError(f"--out {out}: is a folder; give the name of a file")
    if not target.parent.is_dir():
        raise UsageError(f"--out {out}: there is no folder {target.parent}")
    if not os.access(target.parent, os.W_OK):
        raise PermissionError(f"{target.parent}: this folder cannot be written to; --out FILE saves elsewhere")
    return target


def build_model(name: str, parts: Parts, seed: int) -> Model:
    """A network of the zoo behind a layer that normalises the pixels."""
    mean, std = pixel_statistics(parts.train[0])
    return zoo.create(name, input_shape=parts.image_shape, class_names=parts.class_names, preprocessing=Normalize(mean, std), seed=seed)


def pixel_statistics(images: NDArray[np.uint8]) -> tuple[list[float], list[float]]:
    """Mean and deviation of each channel. Histograms are exact, so the result is the same on every machine."""
    values = np.arange(256, dtype=np.float64)
    means, deviations = [], []
    for channel in range(images.shape[3]):
        share = np.bincount(images[..., channel].ravel(), minlength=256) / (images.size / images.shape[3])
        mean = float(share @ values)
        means.append(round(mean, 3))
        deviations.append(max(1.0, round(float(share @ (values - mean) ** 2) ** 0.5, 3)))
    return means, deviations


def fit(model: Model, parts: Parts, recipe: Recipe, seed: int) -> History:
    """Train by SGD with momentum; the learning rate rises for a tenth of the training, then falls to 0 on a cosine."""
    rate = schedules.WarmUp(schedules.Cosine(recipe.learning_rate), epochs=WARM_UP * recipe.epochs)
    optimizer = optimizers.SGD(rate, momentum=MOMENTUM, nesterov=True, weight_decay=WEIGHT_DECAY)
    trainer = Trainer(model, loss="cross_entropy", optimizer=optimizer, metrics=["accuracy"], seed=seed)
    start = time.perf_counter()
    report = [] if sys.stderr.isatty() else [EpochLines(recipe.epochs)]  # on a terminal the bars tell
    history = trainer.fit(parts.train, epochs=recipe.epochs, batch_size=recipe.batch_size, validation=parts.validation, callbacks=report)
    note(f"trained {recipe.epochs} epochs of {len(parts.train[1])} images in {time.perf_counter() - start:.1f} s")
    return history


class EpochLines(Callback):
    """One line per epoch, where no bar is shown."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def on_epoch_end(self, trainer: Trainer, numbers: Mapping[str, float]) -> None:
        """Print loss and accuracy."""
        note(
            f"epoch {trainer.epoch}/{self.epochs}: loss {numbers['loss']:.4f}, accuracy {100 * numbers['accuracy']:.2f} %, "
            f"validation loss {numbers['val_loss']:.4f}, accuracy {100 * numbers['val_accuracy']:.2f} %, "
            f"{numbers['images_per_second']:.0f} images/s"
        )


def save_curves(history: History, model_path: Path) -> None:
    """Draw the learning curves beside the model, if matplotlib is there."""
    if importlib.util.find_spec("matplotlib") is None:
        return
    from cnnrs import plot

    target = model_path.with_name(f"{model_path.stem}-curves.png")
    plot.history(history, target)
    note(f"learning curves saved as {target}")
