"""``cnnrs train``: from images to a tested model in one file.

The model takes the images as they are (uint8, 0 to 255): its first layer brings them to mean 0 and
deviation 1 with the statistics of the training images, so that predicting needs no knowledge of how
it was trained.
"""

import argparse
import importlib.util
import os
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
    note,
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
    """Declare the command."""
    text = (
        "Train a network, test it on images it has not seen, and save it. Without arguments it "
        "trains on the handwritten digits that come "
        "with the package, in seconds. The same seed gives the same figures with any number of "
        "threads."
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
        help="of division, initial weights and order (default: 0)",
    )
    parser.add_argument(
        "--out", metavar="FILE", help="where to save the model (default: cnnrs-DATA.cnnrs)"
    )
    parser.add_argument(
        "--checkpoint-dir",
        metavar="DIR",
        help="a folder of this training alone, for checkpoints: killed at any moment, the same "
        "command goes on, with the same result",
    )
    parser.add_argument(
        "--checkpoint-every",
        type=positive,
        metavar="STEPS",
        help="batches between two checkpoints (default: an epoch)",
    )
    parser.add_argument(
        "--resume",
        metavar="auto|never|FILE",
        help="go on from the newest checkpoint in --checkpoint-dir if there is one, start anew, or "
        "go on from this one (default: auto)",
    )
    parser.add_argument(
        "--image-size", type=positive, metavar="N", help="resize the images of a folder to N x N"
    )
    parser.add_argument("--grey", action="store_true", help="take the images of a folder as grey")
    parser.add_argument(
        "--skip-broken",
        action="store_true",
        help="leave damaged files of a folder out instead of stopping",
    )
    add_data_dir(parser)
    add_threads(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Train, save, and print summary and report."""
    set_threads(arguments)
    target = checked_target(arguments.out or f"cnnrs-{short_name(arguments.data)}.cnnrs")
    checkpoints = checkpoint_options(arguments)
    size = (arguments.image_size, arguments.image_size) if arguments.image_size else None
    options = FolderOptions(size, 1 if arguments.grey else 3, arguments.skip_broken)
    parts = load_parts(arguments.data, options, arguments.data_dir, arguments.seed)
    train, validation, test = (len(y) for _, y in (parts.train, parts.validation, parts.test))
    note(f"{parts.description}; {train} training, {validation} validation, {test} test images")
    recipe = choose(arguments, max(parts.image_shape[:2]))
    transform = augmentation(recipe, parts.image_shape)
    model = build(recipe.model, parts, Normalize(*pixel_statistics(parts.train[0])), arguments.seed)
    print(model.summary(), flush=True)
    history = fit(model, parts, recipe, transform, checkpoints, arguments.seed)
    model.save(target)
    note(f"model saved as {target}")
    save_curves(history, target)
    print()
    print_report(model, *parts.test, parts.class_names)
    return 0


def checkpoint_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """What `Trainer.fit` is to know of checkpoints.

    Raises
    ------
    UsageError
        For options that do nothing without ``--checkpoint-dir``.
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
    return {
        "checkpoint_dir": folder,
        "checkpoint_every": arguments.checkpoint_every,
        "resume": resume,
    }


def checked_target(out: str) -> Path:
    """The path to save to, refused before the training and not after it."""
    target = Path(out).expanduser()
    if target.is_dir():
        raise UsageError(f"--out {out}: is a folder; give the name of a file")
    if not target.parent.is_dir():
        raise UsageError(f"--out {out}: there is no folder {target.parent}")
    if not os.access(target.parent, os.W_OK):
        raise PermissionError(
            f"{target.parent}: this folder cannot be written to; --out FILE saves elsewhere"
        )
    return target


def pixel_statistics(images: NDArray[np.uint8]) -> tuple[list[float], list[float]]:
    """Mean and deviation of each channel. Histograms are exact, so the result is the same on every
    machine.
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
    if transform is not None or alone:  # a batch of one has no statistics
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
    )  # on a terminal the bars tell
    history = trainer.fit(
        data,
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        validation=parts.validation,
        callbacks=report,
        **checkpoints,
    )
    note(
        f"trained {recipe.epochs} epochs of {len(parts.train[1])} images in "
        f"{time.perf_counter() - start:.1f} s"
    )
    return history


class EpochLines(Callback):
    """One line per epoch, where no bar is shown."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def on_epoch_end(self, trainer: Trainer, numbers: Mapping[str, float]) -> None:
        """Print loss and accuracy."""
        note(
            f"epoch {trainer.epoch}/{self.epochs}: loss {numbers['loss']:.4f}, accuracy "
            f"{100 * numbers['accuracy']:.2f} %, "
            f"validation loss {numbers['val_loss']:.4f}, accuracy "
            f"{100 * numbers['val_accuracy']:.2f} %, "
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
