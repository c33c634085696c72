"""A small training with everything that has a state; run as a script it is the training that a test
kills.

``python resumable.py FOLDER RESULT THREADS`` trains on the digits, with checkpoints in FOLDER, and
writes weights and history to RESULT.
"""

import json
import sys
from pathlib import Path

import numpy as np

import cnnrs
from cnnrs import layers, optimizers, schedules
from cnnrs.callbacks import CSVLogger, EarlyStopping, GradientNorms, ModelCheckpoint

EPOCHS = 4
SAMPLES = 400
BATCH_SIZE = 48  # the last batch of an epoch is shorter
STEPS = EPOCHS * -(-SAMPLES // BATCH_SIZE)


def wobble(x, *, labels, indices, epoch, seed):
    """An augmentation, keyed as those of cnnrs are."""
    noise = [
        np.random.default_rng([seed, epoch, int(index)]).random(x.shape[1:], np.float32)
        for index in indices
    ]
    return x + 0.1 * np.stack(noise), labels


def make(folder, *, optimizer="sgd", **changes):
    """A trainer, and the arguments of `fit`."""
    digits = cnnrs.datasets.load_digits()
    x, y = digits.x_train[:SAMPLES] / np.float32(16), digits.y_train[:SAMPLES]
    model = cnnrs.Sequential(
        (8, 8, 1),
        [
            layers.Conv2D(8, 3, padding="same", use_bias=False),
            layers.BatchNorm(),
            layers.ReLU(),
            layers.MaxPool2D(2),
            layers.Dropout(0.3),
            layers.Flatten(),
            layers.Dense(10),
        ],
        seed=3,
    )
    rate = schedules.WarmUp(schedules.Cosine(0.05 if optimizer == "sgd" else 0.005), epochs=1)
    rules = {
        "sgd": lambda: optimizers.SGD(rate, momentum=0.9, weight_decay=1e-3),
        "adam": lambda: optimizers.Adam(rate, weight_decay=1e-3),
    }
    trainer = cnnrs.Trainer(
        model,
        optimizer=rules[optimizer](),
        seed=5,
        average=optimizers.EMA(0.9),
        metrics=["accuracy", "f1", "roc_auc"],
    )
    folder = Path(folder)
    folder.mkdir(exist_ok=True)
    arguments = {
        "data": cnnrs.data.Loader((x, y), BATCH_SIZE, shuffle=True, seed=5, transform=wobble),
        "validation": (digits.x_test[:100] / np.float32(16), digits.y_test[:100]),
        "epochs": EPOCHS,
        "callbacks": [
            EarlyStopping("val_loss", patience=2),
            GradientNorms(every=3),
            ModelCheckpoint(folder / "best-{epoch}.cnnrs", keep=2),
            CSVLogger(folder / "log.csv"),
        ],
        "checkpoint_dir": folder / "checkpoints",
        "checkpoint_every": 2,
        **changes,
    }
    return trainer, arguments


def outcome(trainer, folder):
    """All that a training leaves behind, without what a clock measured."""
    history = {
        name: values
        for name, values in trainer.history.items()
        if name not in ("seconds", "images_per_second")
    }
    updater = trainer.runtime.updater.state_dict()
    log = (Path(folder) / "log.csv").read_text(encoding="utf-8").splitlines()
    columns = log[0].split(",")
    clock = [columns.index(name) for name in ("seconds", "images_per_second")]
    return {
        "weights": {
            name: value.tobytes().hex() for name, value in trainer.model.state_dict().items()
        },
        "updater": {name: value.tobytes().hex() for name, value in updater["arrays"].items()},
        "numbers": updater["numbers"],
        "history": history,
        "counters": [trainer.epoch, trainer.step],
        "seen": len(trainer.runtime.leak_guard),
        "log": [
            [cell for place, cell in enumerate(line.split(",")) if place not in clock]
            for line in log
        ],
        "files": {
            path.name: cnnrs.load(path).layers[-1].weight.tobytes().hex()
            for path in sorted(Path(folder).glob("best-*.cnnrs"))
        },
    }


if __name__ == "__main__":
    folder, result, threads, rule = sys.argv[1:]
    cnnrs.set_num_threads(int(threads))
    trainer, arguments = make(folder, optimizer=rule)
    print("ready", flush=True)
    trainer.fit(**arguments)
    Path(result).write_text(json.dumps(outcome(trainer, folder)), encoding="utf-8")
