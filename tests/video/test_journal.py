import os

import pytest
import torch

from kinema.errors import UserError
from kinema.sampling.rollout import Piece, State
from kinema.video.journal import Journal


def piece(number: int) -> Piece:
    frames = torch.full((1, 2, 3, 1, 1), float(number))
    return Piece(frames, State(3 * number, {"tail": frames[:, :, :1]}))


def test_what_was_kept_is_read_again(tmp_path):
    journal = Journal(tmp_path / "a", {"size": (4, 4)})
    assert journal.state is None and list(journal.pieces()) == []
    journal.append(piece(1))
    journal.append(Piece(None, State(3, {"x": torch.ones(2)})))
    journal.append(piece(2))
    again = Journal(tmp_path / "a", {"size": [4, 4]})
    assert [p.mean().item() for p in again.pieces()] == [1, 2]
    assert again.state.made == 6
    assert torch.equal(again.state.tensors["tail"], piece(2).state.tensors["tail"])
    again.append(piece(3))
    assert [p.mean().item() for p in Journal(tmp_path / "a", {"size": [4, 4]}).pieces()] == [
        1,
        2,
        3,
    ]
    again.remove()
    assert not (tmp_path / "a").exists()


def test_a_piece_without_its_state_does_not_count(tmp_path):
    journal = Journal(tmp_path / "a", {})
    journal.append(piece(1))
    with journal.latents.open("ab") as file:
        file.write(b"killed while writing the next")
    again = Journal(tmp_path / "a", {})
    assert again.latents.stat().st_size == again.size
    assert [p.mean().item() for p in again.pieces()] == [1]


def test_the_unfinished_video_of_another_request_is_refused(tmp_path):
    Journal(tmp_path / "a", {"seed": 1, "size": 4}).append(piece(1))
    with pytest.raises(UserError, match="differs in seed: delete it"):
        Journal(tmp_path / "a", {"seed": 2, "size": 4})


def test_latents_that_are_cut_off_or_gone(tmp_path):
    journal = Journal(tmp_path / "a", {})
    journal.append(piece(1))
    for damage in (lambda: os.truncate(journal.latents, journal.size - 1), journal.latents.unlink):
        damage()
        with pytest.raises(UserError, match="latents.bin is shorter than state.safetensors"):
            Journal(tmp_path / "a", {})


def test_a_file_in_the_place_of_the_folder(tmp_path):
    (tmp_path / "a.mp4.part").touch()
    with pytest.raises(UserError, match="a.mp4.part is a file"):
        Journal(tmp_path / "a.mp4.part", {})


def test_a_state_that_is_none(tmp_path):
    journal = Journal(tmp_path / "a", {})
    journal.file.write_bytes(b"nothing of ours")
    with pytest.raises(UserError, match="is not the state of a long video"):
        Journal(tmp_path / "a", {})
