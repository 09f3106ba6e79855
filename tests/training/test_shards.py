import multiprocessing
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from kinema.errors import UserError
from kinema.training.checkpoint import Position
from kinema.training.shards import SHARD_SIZE, Shards, _make_all, draw

sys.path.insert(0, str(Path(__file__).parent))  # where the processes beside find it too
from toy_source import Squares


def test_rows_are_the_clips_in_the_order_asked(tmp_path):
    tensors, captions = Shards(Squares(), tmp_path, workers=0).read([149, 3, 70, 3])
    assert tensors["value"].tolist() == [149**2, 9, 4900, 9]
    assert captions == ["clip 149", "clip 3", "clip 70", "clip 3"]


def test_a_process_beside_makes_the_same_clips(tmp_path):
    shards = Shards(Squares(), tmp_path, workers=2)
    shards.start()
    try:
        tensors, _ = shards.read(range(150))
    finally:
        shards.stop()
    assert tensors["value"].tolist() == [i * i for i in range(150)]
    assert len(list(shards.folder.glob("*.safetensors"))) == -(-150 // SHARD_SIZE)


def test_a_dead_process_is_told(tmp_path):
    shards = Shards(Squares(dies=True), tmp_path, workers=1)
    shards.start()
    try:
        with pytest.raises(UserError, match="a process that makes clips"):
            shards.read([0])
    finally:
        shards.stop()


def test_a_process_beside_ends_with_a_training_that_was_killed(tmp_path, monkeypatch):
    killed = SimpleNamespace(is_alive=lambda: False)
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: killed)
    _make_all(Squares(), tmp_path, worker=0, workers=1)
    assert not list(tmp_path.iterdir())


def test_draws_depend_on_the_step_alone():
    first = draw(0, Position(step=7), 32, 1000)
    assert np.array_equal(first, draw(0, Position(step=7, samples=5), 32, 1000))
    assert not np.array_equal(first, draw(0, Position(step=8), 32, 1000))
    assert not np.array_equal(first, draw(0, Position(step=7, rollbacks=1), 32, 1000))
    assert draw(0, Position(step=7), 1000, 10).max() == 9
