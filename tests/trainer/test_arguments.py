"""Arguments of the trainer: by keyword, under one name, checked; and what is said about others."""

import copy
import inspect
import pickle

import numpy as np
import pytest

import cnnrs
from cnnrs.callbacks import EarlyStopping
from cnnrs.errors import ArgumentError, CnnrsError, DTypeError
from cnnrs.layers import Dense, Flatten, Input
from cnnrs.optimizers import SGD
from cnnrs.trainer import Trainer, find_learning_rate
from trainer.small import network


def weights(train, **options):
    trainer = Trainer(network(), optimizer=SGD(0.1), **options)
    train(trainer)
    return trainer.model.runtime.arena.values


# --- data -----------------------------------------------------------------------------------------
def test_x_and_y_are_a_pair_or_two_arguments(data):
    x, y = data
    truth = weights(lambda trainer: trainer.fit((x, y), batch_size=16))
    assert np.array_equal(weights(lambda trainer: trainer.fit(x, y, batch_size=16)), truth)
    assert np.array_equal(weights(lambda trainer: trainer.fit(x, y=y, batch_size=16)), truth)
    trainer = Trainer(network())
    assert trainer.evaluate(x, y) == trainer.evaluate((x, y))
    assert find_learning_rate(trainer, x, y, steps=5).losses.tolist() == (
        find_learning_rate(trainer, (x, y), steps=5).losses.tolist()
    )


def test_lists_are_arrays_too():
    trainer = Trainer(cnnrs.Sequential((2,), [Dense(2)]))
    trainer.fit([[0.0, 1.0], [1.0, 0.0]], [0, 1])
    assert trainer.evaluate([[0.0, 1.0]], [0], leak="ignore").n == 1


def test_several_inputs_are_a_list_beside_y(rng):
    a, b = Input((3,)), Input((2,))
    model = cnnrs.Model([a, b], Dense(2)(cnnrs.layers.Concat()([a, b])))
    left, right, y = rng.random((8, 3)), rng.random((8, 2)), np.arange(8) % 2
    trainer = Trainer(model)
    trainer.fit([left, right], y)
    assert trainer.evaluate([left, right], y, leak="ignore").n == 8


def test_a_pair_written_as_a_list_is_explained(data):
    trainer = Trainer(network())
    for call, name in (
        (lambda: trainer.fit(list(data)), "data"),
        (lambda: trainer.evaluate(list(data)), "data"),
        (lambda: trainer.fit(data, validation=list(data)), "validation"),
    ):
        with pytest.raises(ArgumentError, match=rf"^{name}: .*list of two arrays.*\(x, y\)"):
            call()
    assert trainer.step == 0
    trainer.fit([data, data])  # two batches
    assert trainer.step == 2


def test_targets_beside_a_loader_are_explained(data):
    x, y = data
    loader = cnnrs.data.Loader((x, y), 16)
    for first in (loader, loader.source, iter([(x, y)])):
        with pytest.raises(DTypeError, match=r"holds its own targets.*validation="):
            Trainer(network()).fit(first, loader)


def test_x_alone_is_explained(data):
    with pytest.raises(DTypeError, match=r"data: expected x and y, a pair \(x, y\).*got ndarray"):
        Trainer(network()).fit(data[0])
    with pytest.raises(DTypeError, match=r"validation: expected a pair \(x, y\).*got ndarray"):
        Trainer(network()).fit(data, validation=data[0])


# --- names ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"lr": 0.1}, r"'lr'.*optimizer=cnnrs\.optimizers\.SGD"),
        ({"learning_rate": 0.1}, "optimizer="),
        ({"criterion": "mse"}, "loss="),
        ({"random_state": 1}, "seed="),
        ({"class_weight": {0: 1}}, r"CrossEntropy\(class_weights="),
        ({"epochs": 3}, r"trainer\.fit"),
        ({"sede": 3}, "did you mean seed="),
        ({"zzz": 3}, "expected one of model, loss, optimizer, metrics, seed"),
    ],
)
def test_other_names_for_arguments_of_the_trainer(arguments, words):
    with pytest.raises(DTypeError, match=f"^Trainer: unknown argument .*{words}"):
        Trainer(network(), **arguments)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"validation_data": None}, "'validation_data'; write validation="),
        ({"validation_split": 0.1}, r"validation=.*cnnrs\.data\.split"),
        ({"nb_epoch": 3}, "write epochs="),
        ({"num_epochs": 3}, "write epochs="),
        ({"verbose": 0}, "progress=True or progress=False"),
        ({"steps_per_epoch": 3}, "an epoch uses all data once"),
        ({"class_weight": {0: 1}}, r"into the loss: .*CrossEntropy\(class_weights="),
        ({"sample_weight": [1]}, r"Loader\(\(x, y\), weights="),
        ({"lr": 0.1}, "optimizer="),
        ({"optimizer": "sgd"}, r"cnnrs\.Trainer"),
        ({"bach_size": 3}, "did you mean batch_size="),
    ],
)
def test_other_names_for_arguments_of_fit(data, arguments, words):
    trainer = Trainer(network())
    with pytest.raises(DTypeError, match=f"^fit: unknown argument .*{words}"):
        trainer.fit(data, **arguments)
    assert trainer.step == 0


def test_arrays_by_other_names(data):
    x, y = data
    trainer = Trainer(network())
    with pytest.raises(DTypeError, match=r"fit: unknown argument 'x'.*fit\(x, y\)"):
        trainer.fit(x=x, y=y)
    with pytest.raises(DTypeError, match=r"evaluate: unknown argument 'x'.*evaluate\(x, y\)"):
        trainer.evaluate(x=x, y=y)
    with pytest.raises(DTypeError, match="evaluate: unknown argument 'verbose'"):
        trainer.evaluate(x, y, verbose=0)


def test_the_errors_are_those_of_both_worlds():
    with pytest.raises(TypeError) as caught:
        Trainer(network(), lr=0.1)
    assert isinstance(caught.value, CnnrsError)


def test_more_than_two_arguments_by_position_are_explained(data):
    with pytest.raises(
        DTypeError,
        match=r"^Trainer\(\) takes 2 positional arguments; write optimizer=SGD\(.*0\.1\)$",
    ):
        Trainer(network(), "cross_entropy", SGD(0.1))
    with pytest.raises(DTypeError, match=r"^fit\(\) takes 2 .*; write epochs=10$"):
        Trainer(network()).fit(*data, 10)
    with pytest.raises(DTypeError, match=r"^evaluate\(\) takes 2 .*; write batch_size=10$"):
        Trainer(network()).evaluate(*data, 10)


def test_signatures_show_the_arguments():
    names = list(inspect.signature(Trainer).parameters)
    assert names[:4] == ["model", "loss", "optimizer", "metrics"]
    assert "checkpoint_dir" in inspect.signature(Trainer.fit).parameters
    assert Trainer.fit.__doc__.startswith("Train for some epochs.")


def test_every_hint_is_for_a_name_that_is_not_taken():
    from cnnrs.trainer.loop import spellings

    for function, hints in (
        (Trainer, spellings.TRAINER),
        (Trainer.fit, spellings.FIT),
        (Trainer.evaluate, spellings.EVALUATE),
    ):
        assert not hints.keys() & inspect.signature(function).parameters.keys()
    assert not any(hasattr(Trainer(network()), name) for name in spellings.ATTRIBUTES)


# --- values ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("value", ["yes", 1, 0, None, np.zeros(2)])
def test_flags_are_true_or_false(data, value):
    trainer = Trainer(network())
    with pytest.raises(DTypeError, match=r"^shuffle: expected True or False"):
        trainer.fit(data, shuffle=value)
    if value is not None:
        with pytest.raises(DTypeError, match=r"^progress: expected True or False"):
            trainer.fit(data, progress=value)
    with pytest.raises(DTypeError, match=r"^leak_guard: expected True or False"):
        Trainer(network(), leak_guard=value)
    with pytest.raises(DTypeError, match=r"^restore_best: expected True or False"):
        EarlyStopping(restore_best=value)
    with pytest.raises(DTypeError, match=r"^best_only: expected True or False"):
        cnnrs.callbacks.ModelCheckpoint("x.cnnrs", best_only=value)
    assert trainer.step == 0


def test_arguments_of_a_wrong_type_are_named(data):
    trainer = Trainer(network())
    for name, call in (
        ("metrics", lambda: Trainer(network(), metrics=None)),
        ("metrics", lambda: Trainer(network(), metrics=3)),
        ("loss", lambda: Trainer(network(), loss=3)),
        ("loss", lambda: Trainer(network(), loss=lambda y, t: 0.0)),
        ("loss_weights", lambda: Trainer(network(), loss_weights=2)),
        ("callbacks", lambda: trainer.fit(data, callbacks=EarlyStopping("loss"))),
        ("resume", lambda: trainer.fit(data, resume=True)),
        ("epochs", lambda: trainer.fit(data, epochs=1.5)),
    ):
        with pytest.raises(CnnrsError, match=f"^{name}: expected "):
            call()
    assert trainer.step == 0


def test_one_metric_needs_no_list(data):
    def share(target, output):
        return float((output.argmax(axis=-1) == target).mean())

    for metrics, name in (("accuracy", "accuracy"), (share, "share")):
        assert name in Trainer(network(), metrics=metrics).evaluate(data)


# --- what a trainer shows and hides ---------------------------------------------------------------
def test_old_and_foreign_attributes_say_what_to_write(data):
    trainer = Trainer(network())
    for name, words in (
        ("predict", r"trainer\.model\.predict"),
        ("loss", r"compute_loss\(y\)"),
        ("network", r"trainer\.runtime\.network"),
        ("updater", r"trainer\.runtime\.updater"),
        ("guard", r"trainer\.runtime\.leak_guard"),
        ("compile", r"cnnrs\.Trainer\(model, loss"),
    ):
        with pytest.raises(AttributeError, match=f"'{name}'; write .*{words}"):
            getattr(trainer, name)
        assert not hasattr(trainer, name)
    with pytest.raises(AttributeError, match=r"no attribute 'nothing'$"):
        trainer.nothing  # noqa: B018


def test_dir_lists_what_is_for_users():
    assert sorted(dir(Trainer(network()))) == [
        *("averaged_weights", "backward", "compute_loss", "epoch", "evaluate", "fit", "forward"),
        *("gradient_norms", "history", "learning_rate", "loss_weights", "losses", "metrics"),
        *("model", "optimizer", "runtime", "seed", "step", "stop", "train_step", "update"),
    ]


def test_repr_says_what_is_trained_and_how_far(data):
    trainer = Trainer(network(), optimizer=SGD(0.1), seed=3)
    trainer.fit(data, batch_size=20)
    text = repr(trainer)
    for part in ("Sequential", "151 parameters", "CrossEntropy", "SGD(", "'accuracy'", "seed=3"):
        assert part in text
    assert text.endswith("epoch=1, step=3>")


def test_the_runtime_is_documented_and_fixed():
    soft = cnnrs.Sequential((6, 6, 1), [Flatten(), Dense(3), cnnrs.layers.Softmax()])
    trainer = Trainer(soft)
    assert trainer.runtime.network is not trainer.model
    assert len(trainer.runtime.network.layers) == 2
    assert trainer.runtime.updater.updates == 0
    assert len(trainer.runtime.leak_guard) == 0
    with pytest.raises(AttributeError):
        trainer.runtime.updater = None


@pytest.mark.parametrize("attempt", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_trainer_is_not_copied_by_accident(attempt):
    with pytest.raises(DTypeError, match=r"checkpoint_dir=.*trainer\.model\.save"):
        attempt(Trainer(network()))
