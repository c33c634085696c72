"""Updates over several steps: accumulation, layers that join later, averages, and their state."""

import copy
import json

import numpy as np
import pytest

import cnnrs
from cnnrs.errors import CnnrsError
from cnnrs.optimizers import EMA, SGD, SWA, Adagrad, Adam, AdamW, Muon
from cnnrs.trainer import Trainer
from small_network import network


# --- accumulation ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "optimizer", [SGD(0.1, 0.9), Adam(0.01, clip_norm=0.5), Muon(0.01)], ids=repr
)
def test_accumulated_batches_are_one_large_batch(optimizer, data):
    x, y = data
    whole, parts = (
        Trainer(network(), optimizer=optimizer),
        Trainer(network(), optimizer=optimizer, accumulate=3),
    )
    for _ in range(4):
        whole.train_step(x, y)
        for start in (0, 4, 8):
            before = parts.model.runtime.arena.values.copy()
            parts.train_step(x[start : start + 4], y[start : start + 4])
            assert np.array_equal(before, parts.model.runtime.arena.values) == (start < 8)
    assert (parts.runtime.updater.updates, parts.step) == (4, 12)
    np.testing.assert_allclose(
        parts.model.runtime.arena.values, whole.model.runtime.arena.values, rtol=1e-7, atol=1e-9
    )


@pytest.mark.parametrize(
    "optimizer", [SGD(0.1, 0.9), Adam(0.01, clip_norm=0.5), Adam(0.01, weight_decay=0.1)], ids=repr
)
def test_a_shorter_batch_counts_for_as_much_as_it_has(optimizer, data):
    x, y = data
    whole, parts = (
        Trainer(network(), optimizer=optimizer),
        Trainer(network(), optimizer=optimizer, accumulate=3),
    )
    for _ in range(4):
        whole.train_step(x[:11], y[:11])
        for part in (slice(0, 5), slice(5, 10), slice(10, 11)):
            parts.train_step(x[part], y[part])
    np.testing.assert_allclose(
        parts.model.runtime.arena.values, whole.model.runtime.arena.values, rtol=1e-10, atol=1e-12
    )


def test_an_epoch_whose_last_batch_is_shorter_is_one_large_batch(data):
    x, y = data[0][:11], data[1][:11]
    whole, parts = (
        Trainer(network(), optimizer=Adam(0.01)),
        Trainer(network(), optimizer=Adam(0.01), accumulate=3),
    )
    whole.fit((x, y), epochs=3, batch_size=11, progress=False)
    parts.fit((x, y), epochs=3, batch_size=4, progress=False)
    assert (parts.runtime.updater.updates, parts.runtime.updater.samples) == (3, 0)
    np.testing.assert_allclose(
        parts.model.runtime.arena.values, whole.model.runtime.arena.values, rtol=1e-10, atol=1e-12
    )


# --- layers that join later -----------------------------------------------------------------------
LATE = [
    Adam(0.01, amsgrad=True),
    AdamW(0.01),
    SGD(0.1, 0.9, dampening=0.5),
    Adagrad(0.1, learning_rate_decay=0.5),
    Muon(0.01),
]


@pytest.mark.parametrize("optimizer", LATE, ids=repr)
def test_a_layer_that_joins_later_begins_with_its_first_step(optimizer, data):
    trainer = Trainer(network(), optimizer=optimizer)
    trainer.model.layer("conv").trainable = False
    for _ in range(3):
        trainer.train_step(*data)
    trainer.model.layer("conv").trainable = True
    fresh = Trainer(network(), optimizer=optimizer)
    fresh.model.load_state_dict(trainer.model.state_dict())
    for each in (trainer, fresh):
        each.train_step(*data)
    joined, first = trainer.model.state_dict(), fresh.model.state_dict()
    for name in joined:
        assert np.array_equal(joined[name], first[name]) == name.startswith("conv")
    assert trainer.runtime.updater.missed == {"conv": 3}


def test_a_layer_that_pauses_goes_on_with_what_it_remembers(data):
    def steps(pause):
        model = network()
        trainer = Trainer(model, optimizer=Adam(0.01))
        gradient = np.linspace(-1, 1, model.runtime.arena.size)
        for step in range(6):
            model.layer("hidden").trainable = not (pause and step in (2, 3))
            model.runtime.arena.gradients[...] = (
                gradient  # the same in each step: values of a layer depend on its own steps alone
            )
            assert trainer.runtime.updater.update(0.01)
        return model.state_dict(), trainer.runtime.updater

    (whole, _), (paused, updater) = steps(False), steps(True)
    assert updater.missed == {"hidden": 2}
    shorter = Trainer(network(), optimizer=Adam(0.01))
    for _ in range(4):
        shorter.model.runtime.arena.gradients[...] = np.linspace(
            -1, 1, shorter.model.runtime.arena.size
        )
        shorter.runtime.updater.update(0.01)
    for name, value in paused.items():
        same_as = shorter.model.state_dict() if name.startswith("hidden") else whole
        assert np.array_equal(value, same_as[name])


def test_steps_that_layers_missed_are_part_of_the_state(data):
    def trainer():
        result = Trainer(network(dtype="float32"), optimizer=AdamW(0.01), accumulate=2)
        result.model.layer("conv").trainable = False
        return result

    whole = trainer()
    for _ in range(5):
        whole.train_step(*data)
    again = trainer()
    again.model.load_state_dict(whole.model.state_dict())
    state = whole.runtime.updater.state_dict()
    again.runtime.updater.load_state_dict(
        {"arrays": state["arrays"], "numbers": json.loads(json.dumps(state["numbers"]))}
    )
    again.step = whole.step
    for each in (whole, again):
        each.model.layer("conv").trainable = True
        for _ in range(3):
            each.train_step(*data)
    assert whole.runtime.updater.missed == {"conv": 2}
    assert np.array_equal(whole.model.runtime.arena.values, again.model.runtime.arena.values)


# --- averages -------------------------------------------------------------------------------------
@pytest.mark.parametrize("average", [EMA(0.9), SWA(start=3, every=2)], ids=repr)
def test_averages_are_what_they_say_and_are_what_is_judged(average, data):
    trainer = Trainer(network(), optimizer=SGD(0.2), average=average)
    mean, taken = None, []
    for update in range(1, 10):
        trainer.train_step(*data)
        now = trainer.model.runtime.arena.values.copy()
        if isinstance(average, EMA):
            mean = now if mean is None else 0.9 * mean + 0.1 * now
        elif update in (3, 5, 7, 9):
            taken.append(now)
            mean = np.mean(taken, axis=0)
    own = trainer.model.runtime.arena.values.copy()
    np.testing.assert_allclose(
        trainer.runtime.updater.averages["values"], mean, rtol=1e-12, atol=1e-14
    )
    with trainer.averaged_weights():
        assert np.array_equal(
            trainer.model.runtime.arena.values, trainer.runtime.updater.averages["values"]
        )
        loss = cnnrs.losses.CrossEntropy()(trainer.model(data[0]), data[1])
    assert np.array_equal(trainer.model.runtime.arena.values, own)
    assert trainer.evaluate(data, leak="ignore")["loss"] == pytest.approx(loss, rel=1e-12)
    assert cnnrs.losses.CrossEntropy()(trainer.model(data[0]), data[1]) != pytest.approx(
        loss, rel=1e-9
    )
    with pytest.raises(ZeroDivisionError), trainer.averaged_weights():
        _ = 1 / 0
    assert np.array_equal(trainer.model.runtime.arena.values, own)


# --- state ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "optimizer",
    [SGD(0.1, 0.9), Adam(0.01, amsgrad=True), Muon(0.01), SGD(cnnrs.schedules.Constant(0.1))],
    ids=repr,
)
def test_a_trainer_that_takes_over_the_state_goes_on_with_the_same_bits(optimizer, data):
    def trainer():
        return Trainer(
            network(dtype="float32"), optimizer=optimizer, accumulate=2, average=EMA(0.9)
        )

    whole = trainer()
    for _ in range(5):
        whole.train_step(*data)
    state = whole.runtime.updater.state_dict()
    numbers = json.loads(json.dumps(state["numbers"]))
    assert numbers["updates"] == 2
    assert numbers["batches"] == 1
    again = trainer()
    again.model.load_state_dict(whole.model.state_dict())
    again.runtime.updater.load_state_dict({"arrays": state["arrays"], "numbers": numbers})
    again.step = whole.step
    for _ in range(3):
        whole.train_step(*data)
        again.train_step(*data)
    assert np.array_equal(whole.model.runtime.arena.values, again.model.runtime.arena.values)
    first, second = whole.runtime.updater.state_dict(), again.runtime.updater.state_dict()
    assert first["numbers"] == second["numbers"]
    assert all(
        np.array_equal(first["arrays"][name], second["arrays"][name]) for name in first["arrays"]
    )


def test_a_state_that_does_not_fit_is_refused_and_changes_nothing(data):
    trainer = Trainer(network(), optimizer=SGD(0.1, 0.9), average=EMA())
    trainer.train_step(*data)
    good = trainer.runtime.updater.state_dict()
    for spoil in (
        lambda state: state["arrays"].pop("optimizer.velocity"),
        lambda state: state["arrays"].update({"optimizer.mean": np.zeros(3)}),
        lambda state: state["arrays"].update({"optimizer.velocity": np.zeros(3)}),
        lambda state: state["numbers"].update(batches=1),
        lambda state: state["numbers"].update(updates=-1),
        lambda state: state["numbers"].pop("updates"),
        lambda state: state["numbers"].update(schedule={}),
        lambda state: state["numbers"].pop("missed"),
        lambda state: state["numbers"].update(missed={"body": 1}),
        lambda state: state["numbers"].update(missed={"conv": 2}),
        lambda state: state["numbers"].update(samples=-1),
    ):
        bad = copy.deepcopy(good)
        spoil(bad)
        with pytest.raises(CnnrsError):
            trainer.runtime.updater.load_state_dict(bad)
        now = trainer.runtime.updater.state_dict()
        assert now["numbers"] == good["numbers"]
        assert all(
            np.array_equal(now["arrays"][name], good["arrays"][name]) for name in good["arrays"]
        )
