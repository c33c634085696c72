"""Results of training and evaluation: how they are read, printed and copied."""

import copy
import json
import pickle

import numpy as np
import pytest

import cnnrs
from cnnrs.layers import Conv2D
from cnnrs.trainer import Evaluation, History, Trainer
from trainer.small import network


# --- Evaluation -----------------------------------------------------------------------------------
def test_an_evaluation_is_a_mapping_with_attributes(data):
    result = Trainer(network(), metrics=["accuracy", "f1"]).evaluate(data)
    assert isinstance(result, Evaluation)
    assert list(result) == ["loss", "accuracy", "f1", "n", "accuracy_interval"]
    assert result.loss == result["loss"] > 0
    assert result.accuracy == result["accuracy"]
    assert result.accuracy_interval == result["accuracy_interval"]
    assert result.n == result["n"] == len(data[0])
    assert dict(result) == result
    assert "loss" in result
    assert result.get("auc") is None
    assert json.loads(json.dumps(dict(result)))["n"] == 60


def test_an_evaluation_cannot_be_changed(data):
    result = Trainer(network()).evaluate(data)
    with pytest.raises(TypeError):
        result["loss"] = 0.0
    for name in ("loss", "accuracy", "other"):
        with pytest.raises(AttributeError):
            setattr(result, name, 0.0)


def test_what_was_not_measured_is_none(data):
    result = Trainer(network(), metrics=[]).evaluate(data)
    assert result.accuracy is None
    assert result.accuracy_interval is None
    assert list(result) == ["loss", "n"]


def test_pixels_are_no_independent_samples(rng):
    model = cnnrs.Sequential((6, 6, 1), [Conv2D(2, 1)])
    result = Trainer(model).evaluate(rng.random((4, 6, 6, 1)), rng.integers(0, 2, (4, 6, 6)))
    assert 0 <= result.accuracy <= 1
    assert result.accuracy_interval is None


def test_an_evaluation_is_printed_on_one_line():
    result = Evaluation({"loss": 0.0712345, "accuracy": 0.98125, "f1": 0.5}, 10000, (0.97, 0.99))
    assert repr(result) == (
        "Evaluation(loss=0.07123, accuracy=0.9812, f1=0.5, accuracy_interval=(0.97, 0.99), n=10000)"
    )


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))]
)
def test_results_are_copied(again):
    result = Evaluation({"loss": 0.5, "accuracy": 0.9}, 10, (0.6, 0.98))
    assert again(result) == result
    history = History()
    history.add({"loss": 0.5, "val_accuracy": 0.9}, samples={"val_accuracy": 10})
    twin = again(history)
    assert twin == history
    assert twin.samples == history.samples
    assert twin.report() == history.report()


# --- History --------------------------------------------------------------------------------------
def test_a_history_is_printed_by_its_last_epoch():
    history = History()
    assert repr(history) == "<History of 0 epochs>"
    history.add({"loss": 2.0, "accuracy": 0.5, "val_loss": 2.5, "seconds": 3.0})
    assert repr(history) == "<History of 1 epoch: loss 2.0000, accuracy 50.00 %, val_loss 2.5000>"
    history.add({"loss": 1.0, "accuracy": 0.75, "val_loss": 1.5, "seconds": 3.0})
    assert repr(history) == "<History of 2 epochs: loss 1.0000, accuracy 75.00 %, val_loss 1.5000>"


def test_a_notebook_shows_a_history_as_a_table(data):
    trainer = Trainer(network())
    trainer.fit(data, epochs=2, batch_size=20, validation=data)
    table = trainer.history._repr_html_()
    assert table.count("<tr>") == 3  # the head and two epochs
    head = table[table.index("<thead>") : table.index("</thead>")]
    assert [name for name in trainer.history if f"<th>{name}</th>" in head] == list(trainer.history)
    assert f"<td>{trainer.history['loss'][1]:.4f}</td>" in table


def test_a_table_has_gaps_where_a_number_was_not_measured():
    history = History()
    history.add({"loss": 2.0})
    history.add({"loss": 1.0, "<b>": np.nan, "images_per_second": 12345.6})
    table = history._repr_html_()
    assert "<th>&lt;b&gt;</th>" in table
    assert "<td>1</td><td>2.0000</td><td></td><td></td>" in table
    assert "<td>2</td><td>1.0000</td><td>nan</td><td>12,346</td>" in table
