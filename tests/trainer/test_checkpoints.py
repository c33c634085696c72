"""The folder of checkpoints: which are kept, damaged and forged ones, those of another training, a
full disk.
"""

import subprocess
from pathlib import Path

import numpy as np
import pytest

import cnnrs
from cnnrs.errors import ArgumentError, FormatError
from cnnrs.layers import Dense
from cnnrs.optimizers import SGD
from cnnrs.trainer import CheckpointWarning
from trainer.interruptions import ALL, DATA, names, small


def test_the_newest_are_kept(tmp_path):
    small().fit(DATA, checkpoint_dir=tmp_path, keep_checkpoints=3, epochs=2, **ALL)
    assert names(tmp_path) == [f"checkpoint-{step:08d}.safetensors" for step in (6, 7, 8)]


def test_what_a_killed_writer_left_is_removed(tmp_path):
    left = tmp_path / ".checkpoint-00000003.safetensors.abc.part"
    left.write_bytes(b"half")
    other = tmp_path / "notes.txt"
    other.write_text("mine")
    small().fit(DATA, checkpoint_dir=tmp_path, **ALL)
    assert not left.exists()
    assert other.exists()


def damage(path, position=-1):
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)


def test_a_damaged_checkpoint_is_named_and_the_one_before_it_used(tmp_path):
    whole = small()
    whole.fit(DATA, epochs=2, **{**ALL, "checkpoint_every": None})
    small().fit(DATA, checkpoint_dir=tmp_path, epochs=1, **ALL)
    damage(tmp_path / "checkpoint-00000004.safetensors")
    trainer = small()
    with pytest.warns(
        CheckpointWarning,
        match=r"checkpoint-00000004.*tensor '.*' is damaged.*checksum.*checkpoint-00000003",
    ):
        trainer.fit(DATA, checkpoint_dir=tmp_path, epochs=2, **ALL)
    assert np.array_equal(trainer.model.runtime.arena.values, whole.model.runtime.arena.values)
    assert names(tmp_path) == [f"checkpoint-{step:08d}.safetensors" for step in (7, 8)]


def test_all_damaged_is_an_error(tmp_path):
    small().fit(DATA, checkpoint_dir=tmp_path, **ALL)
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[:100])
    with pytest.warns(CheckpointWarning) as caught, pytest.raises(FormatError, match="never"):
        small().fit(DATA, checkpoint_dir=tmp_path, **ALL)
    assert len(caught) == 2
    small().fit(DATA, checkpoint_dir=tmp_path, resume="never", **ALL)


def test_every_flipped_bit_of_a_checkpoint_is_refused_by_name_and_changes_nothing(tmp_path, rng):
    small().fit(DATA, checkpoint_dir=tmp_path, **ALL)
    path = tmp_path / "checkpoint-00000004.safetensors"
    data = path.read_bytes()
    trainer = small(seed=9)
    before = trainer.model.runtime.arena.values.copy()
    for position in {*range(16), *rng.integers(0, len(data), 150).tolist(), len(data) - 1}:
        flipped = bytearray(data)
        flipped[position] ^= 1 << int(rng.integers(8))
        path.write_bytes(flipped)
        with pytest.raises(FormatError, match=r"checkpoint-00000004"):
            trainer.fit(DATA, resume=path, **ALL)
        assert np.array_equal(trainer.model.runtime.arena.values, before)
    assert trainer.epoch == trainer.step == 0
    assert trainer.history == {}


def test_never_starts_anew(tmp_path):
    fresh = small()
    fresh.fit(DATA, epochs=1, batch_size=4)
    small().fit(DATA, checkpoint_dir=tmp_path, epochs=3, **ALL)
    trainer = small()
    trainer.fit(DATA, checkpoint_dir=tmp_path, epochs=1, resume="never", **ALL)
    assert np.array_equal(trainer.model.runtime.arena.values, fresh.model.runtime.arena.values)
    assert names(tmp_path) == [f"checkpoint-{step:08d}.safetensors" for step in (3, 4)], (
        "those of the earlier training are gone"
    )


def test_a_checkpoint_by_name(tmp_path):
    whole = small()
    whole.fit(DATA, epochs=2, batch_size=4)
    small().fit(DATA, checkpoint_dir=tmp_path, epochs=2, keep_checkpoints=8, **ALL)
    trainer = small(seed=5)
    trainer.fit(DATA, resume=tmp_path / "checkpoint-00000003.safetensors", epochs=2, batch_size=4)
    assert np.array_equal(trainer.model.runtime.arena.values, whole.model.runtime.arena.values)
    with pytest.raises(FileNotFoundError):
        small().fit(DATA, resume=tmp_path / "checkpoint-9.safetensors")
    trainer.model.save(tmp_path / "model.cnnrs")
    with pytest.raises(FormatError, match="expected a checkpoint"):
        small().fit(DATA, resume=tmp_path / "model.cnnrs")
    with pytest.raises(FormatError, match="resume"):
        cnnrs.load(tmp_path / "checkpoint-00000003.safetensors")


@pytest.mark.parametrize(
    ("trainer", "changes", "words"),
    [
        ({"units": 5}, {}, [r"units=5", r"units=4"]),
        ({"rate": 0.2}, {}, ["optimizer is SGD", "0.2", "0.1"]),
        ({"trainer_seed": 2}, {}, ["seed is 2 here and 1 there"]),
        ({"loss": "half_sum_of_squares"}, {}, ["loss"]),
        ({"leak_guard": False}, {}, ["leak_guard is False here and True there"]),
        ({}, {"batch_size": 8}, ["batch_size is 8 here and 4 there"]),
        ({}, {"shuffle": False}, ["shuffle is False here and True there"]),
        ({}, {"data": (DATA[0][:12], DATA[1][:12])}, ["samples is 12 here and 16 there"]),
        ({}, {"validation": DATA}, ["validation samples is 16 here and 0 there"]),
        ({"units": 5, "rate": 0.2}, {"batch_size": 8}, ["units=5", "optimizer", "batch_size"]),
    ],
)
def test_a_checkpoint_of_another_training_is_refused_with_what_differs(
    tmp_path, trainer, changes, words
):
    small().fit(DATA, checkpoint_dir=tmp_path, **ALL)
    other = small(**trainer)
    before = other.model.runtime.arena.values.copy()
    files = names(tmp_path)
    with pytest.raises(ArgumentError, match=r"checkpoint-00000004.*another training") as caught:
        other.fit(**{"data": DATA, "checkpoint_dir": tmp_path, **ALL, **changes})
    for word in words:
        assert word in str(caught.value)
    assert np.array_equal(other.model.runtime.arena.values, before)
    assert other.step == 0
    assert names(tmp_path) == files


def forge(path, change):
    """Change a checkpoint so that its checksums are right."""
    from cnnrs.model.files.container import pack, unpack, write_atomically

    content, tensors = unpack(path.read_bytes())
    tensors = dict(tensors)
    del content["sha256"]
    change(content, tensors)
    write_atomically(path, pack(content, tensors))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda c, t: t.pop("model.dense_1.weight"), "dense_1.weight"),
        (lambda c, t: t.update({"model.extra": np.zeros(2)}), "model.extra"),
        (lambda c, t: t.update({"model.dense_1.bias": np.zeros(9, np.float32)}), "dense_1.bias"),
        (
            lambda c, t: t.update({"model.dense_1.bias": np.zeros((4, 1), np.float32)}),
            "dense_1.bias",
        ),
        (lambda c, t: c["state"]["model"].pop("dense_2.bias"), "dense_2.bias"),
        (
            lambda c, t: c["state"]["model"].update(
                {"dense_3.bias": {"$tensor": "model.dense_1.bias"}}
            ),
            "dense_3.bias|dense_1.bias",
        ),
        (lambda c, t: c["state"].pop("position"), "malformed|missing"),
        (lambda c, t: c["state"]["position"].update(surprise=1), "malformed"),
        (lambda c, t: c["state"]["counters"].update(step="x"), "malformed"),
        (lambda c, t: c["state"]["trainable"].pop("dense_1"), "dense_1"),
        (lambda c, t: c.update(version=99), "version 99"),
    ],
)
def test_a_forged_checkpoint_is_refused_by_name_and_changes_nothing(tmp_path, change, word):
    small().fit(DATA, checkpoint_dir=tmp_path, **ALL)
    path = tmp_path / "checkpoint-00000004.safetensors"
    forge(path, change)
    trainer = small(seed=9)
    before = trainer.model.runtime.arena.values.copy()
    for where in ({"resume": path}, {"checkpoint_dir": tmp_path}):
        with pytest.raises(FormatError, match=f"checkpoint-00000004.*({word})"):
            trainer.fit(DATA, **where, **ALL)
    assert np.array_equal(trainer.model.runtime.arena.values, before)
    assert trainer.step == 0


def test_a_checkpoint_of_a_newer_version_is_no_damage(tmp_path):
    small().fit(DATA, checkpoint_dir=tmp_path, **ALL)
    forge(tmp_path / "checkpoint-00000004.safetensors", lambda c, t: c.update(version=99))
    with pytest.raises(FormatError, match="newer cnnrs"):
        small().fit(DATA, checkpoint_dir=tmp_path, **ALL)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda c, t: c.pop("state_format"), "earlier, unreleased version of cnnrs.*'never'"),
        (lambda c, t: c.update(state_format=2), "expected a state of format 1, got format 2"),
        (lambda c, t: c["state"].pop("leak_guard"), "leak_guard.hashes' does not belong"),
        (lambda c, t: c["state"].update(leak_guard=None), "leak_guard.hashes' does not belong"),
        (
            lambda c, t: (c["state"].update(leak_guard={}), t.pop("leak_guard.hashes")),
            "leak_guard: .*hashes",
        ),
        (
            lambda c, t: (c["state"].update(leak_guard=None), t.pop("leak_guard.hashes")),
            "malformed",
        ),
        (lambda c, t: t.update({"leak_guard.hashes": np.zeros(3)}), "leak_guard: .*hashes"),
    ],
)
def test_a_state_of_another_format_is_named_and_nothing_is_changed(tmp_path, change, word):
    small().fit(DATA, checkpoint_dir=tmp_path, **ALL)
    files = names(tmp_path)
    forge(tmp_path / files[-1], change)
    trainer = small(seed=9)
    before = trainer.model.runtime.arena.values.copy()
    with pytest.raises(FormatError, match=f"checkpoint-00000004.*{word}"):
        trainer.fit(DATA, checkpoint_dir=tmp_path, **ALL)
    assert np.array_equal(trainer.model.runtime.arena.values, before)
    assert trainer.step == 0
    assert names(tmp_path) == files
    small().fit(DATA, checkpoint_dir=tmp_path, resume="never", **ALL)


def test_warnings_are_shown_at_the_call_of_fit(tmp_path, monkeypatch):
    small().fit(DATA, checkpoint_dir=tmp_path, **ALL)
    damage(tmp_path / "checkpoint-00000004.safetensors")
    with pytest.warns(CheckpointWarning) as caught:
        small().fit(DATA, checkpoint_dir=tmp_path, **ALL)

    def fail(path, parts):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("cnnrs.trainer.checkpoint.checkpoints.write_atomically", fail)
    with pytest.warns(CheckpointWarning) as full, pytest.raises(OSError, match="No space"):
        small().fit(DATA, checkpoint_dir=tmp_path / "other", **ALL)
    assert [Path(warning.filename) for warning in (*caught, *full)] == [Path(__file__)] * 2


def test_the_guard_is_restored_and_takes_8_bytes_for_each_image(tmp_path):
    small().fit(DATA, checkpoint_dir=tmp_path, **ALL)
    path = tmp_path / "checkpoint-00000004.safetensors"
    from cnnrs.model.files.container import unpack

    content, tensors = unpack(path.read_bytes())
    assert content["state"]["leak_guard"] == {"hashes": {"$tensor": "leak_guard.hashes"}}
    assert tensors["leak_guard.hashes"].nbytes == 8 * len(np.unique(DATA[0], axis=0))
    trainer = small()
    trainer.fit(DATA, checkpoint_dir=tmp_path, **ALL)
    assert trainer.runtime.leak_guard.count(DATA[0]) == len(DATA[0])
    small(leak_guard=False).fit(DATA, checkpoint_dir=tmp_path / "without", **ALL)
    _, tensors = unpack((tmp_path / "without" / path.name).read_bytes())
    assert not any(name.startswith("leak_guard") for name in tensors)


# --- a full disk ----------------------------------------------------------------------------------
def test_a_full_disk_loses_nothing_and_the_training_goes_on(tmp_path, monkeypatch):
    import os

    from cnnrs.model.files import container

    whole = small()
    whole.fit(DATA, epochs=3, batch_size=4)
    written = []
    full = {"from": 4, "to": 7}

    def write(path, parts):
        written.append(path)
        if full["from"] <= len(written) <= full["to"]:
            (path.parent / f".{path.name}.x.part").write_bytes(b"half a file")
            raise OSError(28, os.strerror(28), str(path))
        real(path, parts)

    real = container.write_atomically
    monkeypatch.setattr("cnnrs.trainer.checkpoint.checkpoints.write_atomically", write)
    trainer = small()
    with pytest.warns(
        CheckpointWarning, match=r"step 4: .*No space.*checkpoint-00000003.*goes on"
    ) as caught:
        trainer.fit(DATA, epochs=3, checkpoint_dir=tmp_path, **ALL)
    assert len(caught) == 1, "one warning, not one for every step"
    assert np.array_equal(trainer.model.runtime.arena.values, whole.model.runtime.arena.values)
    full["to"] = 10**9
    with (
        pytest.warns(CheckpointWarning, match="none yet"),
        pytest.raises(OSError, match="No space"),
    ):
        small(seed=4).fit(DATA, epochs=1, checkpoint_dir=tmp_path / "other", **ALL)
    full["from"] = 10**9
    again = small()
    again.fit(DATA, epochs=3, checkpoint_dir=tmp_path, **ALL)
    assert np.array_equal(again.model.runtime.arena.values, whole.model.runtime.arena.values)


def test_a_disk_that_is_really_full(tmp_path):
    """A file system of 64 kB: the second checkpoint does not fit."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)],
        capture_output=True,
        check=False,
    ).returncode:
        pytest.skip("only root can mount a small file system")
    try:
        model = cnnrs.Sequential((2,), [Dense(800), Dense(2)])
        trainer = cnnrs.Trainer(model, optimizer=SGD(0.1, 0.9))
        with (
            pytest.warns(CheckpointWarning, match="No space"),
            pytest.raises(OSError, match="No space"),
        ):
            trainer.fit(DATA, checkpoint_dir=disk, **ALL)
        assert names(disk) == ["checkpoint-00000001.safetensors"]
        assert trainer.step == 4
        again = cnnrs.Trainer(
            cnnrs.Sequential((2,), [Dense(800), Dense(2)]), optimizer=SGD(0.1, 0.9)
        )
        with pytest.warns(CheckpointWarning), pytest.raises(OSError, match="No space"):
            again.fit(DATA, checkpoint_dir=disk, **ALL)
        assert np.array_equal(again.model.runtime.arena.values, model.runtime.arena.values)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        small().fit(DATA, checkpoint_dir=tmp_path / "file")
