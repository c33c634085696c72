"""``cnnrs train``: train a network on images, test it, and save it to one file.

The model takes uint8 images from 0 to 255. Its first layer normalises them to mean 0 and standard
deviation 1 with the statistics of the training images, so that prediction needs no other setting.
"""

import argparse
import importlib.util
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnrs import datasets
from cnnrs.augment import Transform
from cnnrs.callbacks import Callback
from cnnrs.cli.arguments import (
    UsageError,
    add_data_dir,
    add_threads,
    checked_output,
    log,
    positive,
    set_threads,
    whole,
)
from cnnrs.cli.parts import FolderOptions, Parts, load_parts, short_name
from cnnrs.cli.recipe import Recipe, add_options, augmentation, build, choose, optimizer
from cnnrs.cli.report import print_report
from cnnrs.data import Loader
from cnnrs.layers import BatchNorm, Normalize
from cnnrs.model import Model
from cnnrs.trainer import History, Trainer

__all__ = ["add_parser"]


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the parser."""
    text = (
        "Train a network, test it on images that it was not trained on, and save it. Without "
        "arguments, train on the handwritten digits that come with the package; this takes "
        "seconds. The same seed gives the same results with any number of threads."
    )
    parser = subparsers.add_parser(
        "train", help="train, test and save a model", description=text, allow_abbrev=False
    )
    known = ", ".join(datasets.names())
    parser.add_argument(
        "data",
        metavar="DATA",
        nargs="?",
        default="digits",
        help=f"{known}, or a folder with one sub-folder of images per class (default: digits)",
    )
    add_options(parser)
    parser.add_argument(
        "--seed",
        type=whole,
        default=0,
        metavar="N",
        help="seed of the data split, the initial weights and the order of the images (default: 0)",
    )
    parser.add_argument(
        "--out", metavar="FILE", help="model file to write (default: cnnrs-DATA.cnnrs)"
    )
    add_checkpoint_options(parser)
    add_folder_options(parser)
    add_data_dir(parser)
    add_threads(parser)
    parser.set_defaults(run=run)


def add_checkpoint_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that write and read checkpoints."""
    parser.add_argument(
        "--checkpoint-dir",
        metavar="DIR",
        help="folder for the checkpoints of this training; after an interruption, run the same "
        "command again to continue, with the same result",
    )
    parser.add_argument(
        "--checkpoint-every",
        type=positive,
        metavar="STEPS",
        help="number of batches between two checkpoints (default: one epoch)",
    )
    parser.add_argument(
        "--resume",
        metavar="auto|never|FILE",
        help="auto: continue from the newest checkpoint in --checkpoint-dir, if there is one; "
        "never: start from the beginning; FILE: continue from this checkpoint (default: auto)",
    )


def add_folder_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that read a folder of images."""
    parser.add_argument(
        "--image-size", type=positive, metavar="N", help="resize the images of a folder to N x N"
    )
    parser.add_argument(
        "--grey", action="store_true", help="convert the images of a folder to grey"
    )
    parser.add_argument(
        "--skip-broken",
        action="store_true",
        help="skip damaged files of a folder instead of stopping",
    )


def run(arguments: argparse.Namespace) -> int:
    """Train, save, and print summary and report."""
    set_threads(arguments)
    target = checked_output(arguments.out or f"cnnrs-{short_name(arguments.data)}.cnnrs")
    checkpoints = checkpoint_options(arguments)
    refuse_folder_options(arguments)
    size = (arguments.image_size, arguments.image_size) if arguments.image_size else None
    options = FolderOptions(size, 1 if arguments.grey else 3, arguments.skip_broken)
    parts = load_parts(arguments.data, options, arguments.data_dir, arguments.seed)
    train, validation, test = (len(y) for _, y in (parts.train, parts.validation, parts.test))
    log(f"{parts.description}; {train} training, {validation} validation, {test} test images")
    recipe = choose(arguments, max(parts.image_shape[:2]))
    transform = augmentation(recipe, parts.image_shape)
    model = build(recipe.model, parts, Normalize(*pixel_statistics(parts.train[0])), arguments.seed)
    print(model.summary(), flush=True)
    history = fit(model, parts, recipe, transform, checkpoints, arguments.seed)
    model.save(target)
    log(f"model saved as {target}")
    save_curves(history, target)
    print()
    print_report(model, *parts.test, parts.class_names)
    return 0


def refuse_folder_options(arguments: argparse.Namespace) -> None:
    """Refuse options that read a folder of images together with a named data set."""
    named = arguments.data in datasets.names()
    given = {
        "--image-size": named and arguments.image_size is not None,
        "--grey": named and arguments.grey,
        "--skip-broken": named and arguments.skip_broken,
    }
    for option in (option for option, refused in given.items() if refused):
        raise UsageError(
            f"{option}: expected a folder of images as DATA, got the data set {arguments.data!r}, "
            f"whose images are used as they are; leave {option} out"
        )


def checkpoint_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the checkpoint arguments of `Trainer.fit`.

    Raises
    ------
    UsageError
        For options that need ``--checkpoint-dir``, if it is missing.
    """
    resume = arguments.resume or "auto"
    if arguments.checkpoint_dir is None:
        if arguments.checkpoint_every is not None:
            raise UsageError(
                "--checkpoint-every: needs --checkpoint-dir, the folder to write checkpoints to"
            )
        if arguments.resume == "auto":
            raise UsageError(
                "--resume auto: needs --checkpoint-dir, the folder to look for checkpoints in"
            )
    if resume not in ("auto", "never"):
        resume = Path(resume).expanduser()
        if not resume.is_file():
            raise UsageError(
                f"--resume {arguments.resume}: expected auto, never or the file of a checkpoint, "
                "and there is no such file"
            )
    folder = (
        None if arguments.checkpoint_dir is None else Path(arguments.checkpoint_dir).expanduser()
    )
    if folder is not None and folder.exists() and not folder.is_dir():
        raise UsageError(f"--checkpoint-dir {folder}: expected a folder, got a file")
    return {
        "checkpoint_dir": folder,
        "checkpoint_every": arguments.checkpoint_every,
        "resume": resume,
    }


def pixel_statistics(images: NDArray[np.uint8]) -> tuple[list[float], list[float]]:
    """Return mean and standard deviation of each channel.

    They are computed from exact histograms, so that the result is the same on every machine.
    """
    values = np.arange(256, dtype=np.float64)
    means, deviations = [], []
    for channel in range(images.shape[3]):
        share = np.bincount(images[..., channel].ravel(), minlength=256) / (
            images.size / images.shape[3]
        )
        mean = float(share @ values)
        means.append(round(mean, 3))
        deviations.append(max(1.0, round(float(share @ (values - mean) ** 2) ** 0.5, 3)))
    return means, deviations


def fit(
    model: Model,
    parts: Parts,
    recipe: Recipe,
    transform: Transform | None,
    checkpoints: Mapping[str, Any],
    seed: int,
) -> History:
    """Train as the recipe says."""
    trainer = Trainer(
        model, loss="cross_entropy", optimizer=optimizer(recipe), metrics=["accuracy"], seed=seed
    )
    data: Any = parts.train
    alone = len(parts.train[1]) % recipe.batch_size == 1 and any(
        isinstance(layer, BatchNorm) for layer in model.layers
    )
    if transform is not None or alone:  # BatchNorm needs more than one image in a batch
        data = Loader(
            parts.train,
            recipe.batch_size,
            shuffle=True,
            drop_last=alone,
            seed=seed,
            transform=transform,
        )
    start = time.perf_counter()
    report = (
        [] if sys.stderr.isatty() else [EpochLines(recipe.epochs)]
    )  # a terminal shows progress bars instead
    history = trainer.fit(
        data,
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        validation=parts.validation,
        callbacks=report,
        **checkpoints,
    )
    log(
        f"trained {recipe.epochs} epochs of {len(parts.train[1])} images in "
        f"{time.perf_counter() - start:.1f} s"
    )
    return history


class EpochLines(Callback):
    """Print one line per epoch, where no progress bar is shown."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def on_epoch_end(self, trainer: Trainer, numbers: Mapping[str, float]) -> None:
        """Print loss and accuracy."""
        log(
            f"epoch {trainer.epoch}/{self.epochs}: loss {numbers['loss']:.4f}, accuracy "
            f"{100 * numbers['accuracy']:.2f} %, "
            f"validation loss {numbers['val_loss']:.4f}, accuracy "
            f"{100 * numbers['val_accuracy']:.2f} %, "
            f"{numbers['images_per_second']:.0f} images/s"
        )


def save_curves(history: History, model_path: Path) -> None:
    """Save the learning curves next to the model, if matplotlib is installed."""
    if importlib.util.find_spec("matplotlib") is None:
        return
    from cnnrs import plot

    target = model_path.with_name(f"{model_path.stem}-curves.png")
    plot.history(history, target)
    log(f"learning curves saved as {target}")
