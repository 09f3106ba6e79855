import os

import pytest
import torch

from kinema.errors import UserError
from kinema.sampling.rollout import RolloutState, Segment
from kinema.video.checkpoint import RolloutCheckpoint


def segment(number: int) -> Segment:
    frames = torch.full((1, 2, 3, 1, 1), float(number))
    return Segment(frames, RolloutState(3 * number, {"tail": frames[:, :, :1]}))


def test_what_was_kept_is_read_again(tmp_path):
    checkpoint = RolloutCheckpoint(tmp_path / "a", {"size": (4, 4)})
    assert checkpoint.state is None and list(checkpoint.latents_so_far()) == []
    checkpoint.append(segment(1))
    checkpoint.append(Segment(None, RolloutState(3, {"x": torch.ones(2)})))
    checkpoint.append(segment(2))
    again = RolloutCheckpoint(tmp_path / "a", {"size": [4, 4]})
    assert [p.mean().item() for p in again.latents_so_far()] == [1, 2]
    assert again.state.made == 6
    assert torch.equal(again.state.tensors["tail"], segment(2).state.tensors["tail"])
    again.append(segment(3))
    third = RolloutCheckpoint(tmp_path / "a", {"size": [4, 4]})
    assert [p.mean().item() for p in third.latents_so_far()] == [1, 2, 3]
    again.remove()
    assert not (tmp_path / "a").exists()


def test_a_segment_without_its_state_does_not_count(tmp_path):
    checkpoint = RolloutCheckpoint(tmp_path / "a", {})
    checkpoint.append(segment(1))
    with checkpoint.latents.open("ab") as file:
        file.write(b"killed while writing the next")
    again = RolloutCheckpoint(tmp_path / "a", {})
    assert again.latents.stat().st_size == again.size
    assert [p.mean().item() for p in again.latents_so_far()] == [1]


def test_the_unfinished_video_of_another_request_is_refused(tmp_path):
    RolloutCheckpoint(tmp_path / "a", {"seed": 1, "size": 4}).append(segment(1))
    with pytest.raises(UserError, match="differs in seed: delete it"):
        RolloutCheckpoint(tmp_path / "a", {"seed": 2, "size": 4})


def test_latents_that_are_cut_off_or_gone(tmp_path):
    checkpoint = RolloutCheckpoint(tmp_path / "a", {})
    checkpoint.append(segment(1))
    for damage in (
        lambda: os.truncate(checkpoint.latents, checkpoint.size - 1),
        checkpoint.latents.unlink,
    ):
        damage()
        with pytest.raises(UserError, match="latents.bin is shorter than state.safetensors"):
            RolloutCheckpoint(tmp_path / "a", {})


def test_a_file_in_the_place_of_the_folder(tmp_path):
    (tmp_path / "a.mp4.part").touch()
    with pytest.raises(UserError, match="a.mp4.part is a file"):
        RolloutCheckpoint(tmp_path / "a.mp4.part", {})


def test_a_state_that_is_none(tmp_path):
    checkpoint = RolloutCheckpoint(tmp_path / "a", {})
    checkpoint.file.write_bytes(b"nothing of ours")
    with pytest.raises(UserError, match="is not the state of a long video"):
        RolloutCheckpoint(tmp_path / "a", {})


@pytest.mark.parametrize("name", ["latents.bin", "state.safetensors"])
def test_a_single_flipped_bit_is_told(tmp_path, name):
    checkpoint = RolloutCheckpoint(tmp_path / "a", {})
    checkpoint.append(segment(1))
    checkpoint.append(segment(2))
    content = bytearray((tmp_path / "a" / name).read_bytes())
    content[-3] ^= 4
    (tmp_path / "a" / name).write_bytes(content)
    with pytest.raises(UserError, match=rf"{name} is damaged, .* delete"):
        RolloutCheckpoint(tmp_path / "a", {})
