import json
import multiprocessing
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file

from kinema.errors import UserError
from kinema.training.shards import SHARD_SIZE, Shards, make_all, num_ready

sys.path.insert(0, str(Path(__file__).parent))  # where the processes beside find it too
from toy_source import Squares


def test_rows_are_the_clips_in_the_order_asked(tmp_path):
    tensors, captions = Shards(Squares(), tmp_path, workers=0).read([149, 3, 70, 3])
    assert tensors["value"].tolist() == [149**2, 9, 4900, 9]
    assert captions == ["clip 149", "clip 3", "clip 70", "clip 3"]


def test_a_process_beside_makes_the_same_clips(tmp_path):
    shards = Shards(Squares(), tmp_path, workers=2)
    with shards.making():
        tensors, _ = shards.read(range(150))
    assert tensors["value"].tolist() == [i * i for i in range(150)]
    assert len(list(shards.folder.glob("*.safetensors"))) == -(-150 // SHARD_SIZE)


def test_a_dead_process_is_told(tmp_path):
    shards = Shards(Squares(dies=True), tmp_path, workers=1)
    with shards.making(), pytest.raises(UserError, match="A process that makes clips"):
        shards.read([0])


def test_a_process_beside_ends_with_a_training_that_was_killed(tmp_path, monkeypatch):
    killed = SimpleNamespace(is_alive=lambda: False)
    monkeypatch.setattr(multiprocessing, "parent_process", lambda: killed)
    make_all(Squares(), tmp_path, worker=0, workers=1)
    assert not list(tmp_path.iterdir())


def test_the_processes_end_with_the_block(tmp_path):
    shards = Shards(Squares(), tmp_path, workers=1)
    with shards.making():
        process = shards.pool[0]
    assert not process.is_alive() and not shards.pool


def test_making_clips_leaves_the_random_state_alone(tmp_path):
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    Shards(Squares(rolls=True), tmp_path, workers=0).read([0])
    assert torch.equal(torch.rand(2), expected)


@pytest.mark.parametrize("place", [-1, -100, -64 * 8])
def test_a_flipped_bit_is_found_when_its_clip_is_read(tmp_path, place):
    Shards(Squares(), tmp_path, workers=0).read([0])
    path = tmp_path / "squares" / "000000.safetensors"
    data = bytearray(path.read_bytes())
    data[place] ^= 4
    path.write_bytes(data)
    shards, clip = Shards(Squares(), tmp_path, workers=0), 64 + place // 8
    with pytest.raises(UserError, match=f"damaged .value of clip {clip} has changed.: delete"):
        shards.read([clip])
    assert shards.read([(clip + 1) % 64])[0]["value"].item() == ((clip + 1) % 64) ** 2


@pytest.mark.parametrize("damage", [lambda b: b[:100], lambda b: b"", lambda b: b[:-8], bytes])
def test_a_shard_that_cannot_be_opened_is_one_sentence(tmp_path, damage):
    Shards(Squares(), tmp_path, workers=0).read([0])
    path = tmp_path / "squares" / "000000.safetensors"
    path.write_bytes(damage(path.read_bytes()) if damage is not bytes else bytes(1000))
    with pytest.raises(UserError, match="is damaged"):
        Shards(Squares(), tmp_path, workers=0).read([0])


def test_shards_without_checksums_are_still_read(tmp_path):
    (tmp_path / "squares").mkdir()
    values = {"value": torch.arange(64) ** 2}
    path = tmp_path / "squares" / "000000.safetensors"
    save_file(values, path, {"captions": json.dumps(["a clip"] * 64)})
    assert Shards(Squares(), tmp_path, workers=0).read([8])[0]["value"].tolist() == [64]


def test_the_pool_grows_with_the_clips_seen():
    assert num_ready(0, 5_000) == 1_024 and num_ready(10_000, 5_000) == 2_024
    assert num_ready(10**6, 5_000) == 5_000 and num_ready(0, 12) == 12
