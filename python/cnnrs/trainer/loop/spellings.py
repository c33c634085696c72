"""Names that Keras, PyTorch and earlier versions use, and what to write in cnnrs."""

__all__ = ["ATTRIBUTES", "EVALUATE", "FIT", "TRAINER"]

_OPTIMIZER = "the learning rate into the optimizer: optimizer=cnnrs.optimizers.SGD(0.01)"
_CLASS_WEIGHTS = "it into the loss: loss=cnnrs.losses.CrossEntropy(class_weights=...)"
_TRAINER = "it as an argument of cnnrs.Trainer(model, loss, ...)"
_FIT = "it as an argument of trainer.fit(x, y, ...)"

TRAINER = {
    **dict.fromkeys(("lr", "learning_rate", "learn_rate"), _OPTIMIZER),
    **dict.fromkeys(
        ("scheduler", "schedule", "lr_scheduler"),
        "it into the optimizer: optimizer=cnnrs.optimizers.SGD(cnnrs.schedules.Cosine(0.1))",
    ),
    **dict.fromkeys(("criterion", "loss_fn", "loss_function", "losses"), "loss="),
    **dict.fromkeys(("opt", "optim"), "optimizer="),
    "metric": "metrics=[...]",
    **dict.fromkeys(("random_state", "random_seed"), "seed="),
    **dict.fromkeys(
        ("accumulate_grad_batches", "gradient_accumulation_steps", "accumulation_steps"),
        "accumulate=",
    ),
    **dict.fromkeys(("ema", "swa", "use_ema"), "average=cnnrs.optimizers.EMA(0.999) or SWA(...)"),
    **dict.fromkeys(("class_weight", "class_weights"), _CLASS_WEIGHTS),
    **dict.fromkeys(
        ("epochs", "batch_size", "callbacks", "validation", "validation_data", "checkpoint_dir"),
        _FIT,
    ),
    "network": "model=",
}

FIT = {
    **dict.fromkeys(
        ("x", "X", "inputs"), "the arrays by position: fit(x, y), or as a pair: fit((x, y))"
    ),
    **dict.fromkeys(("target", "targets", "labels"), "y="),
    **dict.fromkeys(("train_data", "train_loader", "dataset", "generator"), "data="),
    **dict.fromkeys(
        ("validation_data", "val_data", "valid_data", "val", "val_loader", "eval_set"),
        "validation=",
    ),
    "validation_split": ("validation= with a part of the data, which cnnrs.data.split cuts off"),
    **dict.fromkeys(
        ("epoch", "nb_epoch", "n_epochs", "num_epochs", "nb_epochs", "max_epochs"), "epochs="
    ),
    **dict.fromkeys(("batch", "bs"), "batch_size="),
    **dict.fromkeys(("verbose", "progress_bar"), "progress=True or progress=False"),
    **dict.fromkeys(
        ("steps_per_epoch", "samples_per_epoch"),
        "fit without it: an epoch uses all data once; for shorter epochs pass an iterable with "
        "that many batches",
    ),
    **dict.fromkeys(("class_weight", "class_weights"), _CLASS_WEIGHTS),
    **dict.fromkeys(
        ("sample_weight", "sample_weights"),
        "a loader that draws samples by weight: fit(cnnrs.data.Loader((x, y), weights=...))",
    ),
    "initial_epoch": "checkpoint_dir=, from which a training is resumed",
    "callback": "callbacks=[...]",
    **dict.fromkeys(("lr", "learning_rate"), _OPTIMIZER + " of cnnrs.Trainer"),
    **dict.fromkeys(("optimizer", "loss", "metrics", "seed"), _TRAINER),
    "ckpt_path": "resume=",
}

EVALUATE = {
    **dict.fromkeys(
        ("x", "X", "inputs"), "the arrays by position: evaluate(x, y), or evaluate((x, y))"
    ),
    **dict.fromkeys(("target", "targets", "labels"), "y="),
    **dict.fromkeys(("test_data", "test_loader", "dataset", "generator", "validation"), "data="),
    "batch": "batch_size=",
    **dict.fromkeys(("verbose", "return_dict"), "evaluate without it"),
    "steps": "evaluate without it: all data are used; pass an iterable with that many batches",
    "sample_weight": "evaluate without it: every sample counts the same",
    **dict.fromkeys(("loss", "metrics"), _TRAINER),
}

ATTRIBUTES = {
    "loss": "compute_loss(y) for the second part of a step, or losses for the loss functions",
    "predict": "trainer.model.predict(x)",
    "predict_proba": "trainer.model.predict_proba(x)",
    "network": "trainer.model, or trainer.runtime.network",
    "updater": "trainer.runtime.updater",
    "guard": "trainer.runtime.leak_guard",
    "sums": "trainer.evaluate(x, y)",
    "compile": "cnnrs.Trainer(model, loss, optimizer=..., metrics=[...])",
    "train": "trainer.fit(x, y)",
    "save": "trainer.model.save(path), or fit(..., checkpoint_dir=...) for the whole training",
    "save_weights": "trainer.model.save(path)",
    "summary": "trainer.model.summary()",
}
