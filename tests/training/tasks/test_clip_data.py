import numpy as np
import pytest
import torch

from kinema.clips import to_tensor
from kinema.codecs import Pixels
from kinema.training import Position, Shards, draw
from kinema.training.sources import DiscClips
from kinema.training.tasks.clip_data import LatentClips, RenderedClips

ALL = slice(None)


class Numbers:
    """Clip i is the number i, its image its negative."""

    num_clips, name = 3_000, "numbers"

    def make(self, indices):
        latents = torch.tensor(indices).float().view(-1, 1, 1, 1, 1)
        return {"latents": latents, "image": -latents}, [f"clip {i}" for i in indices]


def latent_clips(tmp_path, **changes) -> LatentClips:
    seen, unseen = (Shards(Numbers(), tmp_path, workers=0) for _ in range(2))
    settings = {"shape": (1, 1, 1, 1), "seed": 3, "first_clips": 100, "num_unseen": 5}
    return LatentClips(seen, unseen, **{**settings, **changes})


def test_a_step_draws_from_the_clips_that_are_ready(tmp_path):
    clips = latent_clips(tmp_path)
    for samples, ready in ((0, 100), (1_000, 200)):
        position = Position(step=7, samples=samples)
        batch = clips.batch(position, 64, ALL)
        drawn = draw(3, position, 64, ready)
        assert batch.x0.flatten().tolist() == drawn.tolist() and batch.kind == ""
        assert batch.captions == [f"clip {i}" for i in drawn]


def test_every_process_takes_its_rows(tmp_path):
    clips, position = latent_clips(tmp_path), Position(step=2)
    whole, odd = (clips.batch(position, 8, rows).x0 for rows in (ALL, slice(1, None, 2)))
    assert torch.equal(whole[1::2], odd)


@pytest.mark.parametrize(("share", "kind", "sign"), [(1.0, "image", -1), (1e-9, "video", 1)])
def test_some_steps_are_on_single_frames(tmp_path, share, kind, sign):
    batch = latent_clips(tmp_path, image_share=share).batch(Position(step=1), 8, ALL)
    assert batch.kind == kind and (sign * batch.x0 >= 0).all()


def test_some_steps_are_on_clips_of_half_the_size(tmp_path):
    class Halves(Numbers):
        name = "halves"

        def make(self, indices):
            return {"latents": torch.full((len(indices), 1, 1, 1, 1), -1.0)}, [""] * len(indices)

    settings = {"halves": Shards(Halves(), tmp_path, workers=0), "half_share": 0.3}
    clips, kinds = latent_clips(tmp_path, **settings), []
    torch.manual_seed(0)
    for step in range(100):
        batch = clips.batch(Position(step=step), 2, ALL)
        assert (batch.x0 < 0).all() == (batch.kind == "half")
        kinds.append(batch.kind)
    assert set(kinds) == {"half", "video"} and 15 < kinds.count("half") < 45


def test_the_same_clips_are_always_held_out(tmp_path):
    assert latent_clips(tmp_path).held_out().x0.flatten().tolist() == [0, 1, 2, 3, 4]


DISCS = DiscClips("uniform", num_frames=4, size=16, seed=50, num_clips=500)


def test_rendered_clips_are_those_of_the_step():
    position = Position(step=9)
    batch = RenderedClips(DISCS, Pixels(), seed=3).batch(position, 4, slice(0, None, 2))
    drawn = draw(3, position, 4, 500)[::2].tolist()
    assert torch.equal(batch.x0, to_tensor(DISCS.make(drawn)[0]["frames"].numpy()))


def test_held_out_scenes_are_far_from_all_that_are_trained_on():
    clips = RenderedClips(DISCS, Pixels(), seed=3, num_unseen=3)
    assert list(clips.unseen_seeds) == [10**9, 10**9 + 1, 10**9 + 2]
    alone = DISCS.make([10**9 + 1 - 50])[0]["frames"][0].numpy()
    assert np.array_equal(clips.unseen_frames[1], alone)
    assert clips.held_out().x0.shape == (3, 3, 4, 16, 16) == (3, *clips.shape)


def test_rendering_and_encoding_leave_the_random_state_alone():
    class Rolling(Pixels):
        def encode(self, frames):
            torch.rand(3)
            return super().encode(frames)

    clips, position = RenderedClips(DISCS, Rolling(), seed=3), Position()
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    clips.batch(position, 2, ALL)
    assert torch.equal(torch.rand(1), expected)


def test_a_zoom_is_drawn_for_the_whole_batch():
    clips = RenderedClips(DISCS, Pixels(), seed=3, zoom=(0.5, 0.6))
    made = []
    for rows in (ALL, slice(1, None, 2)):
        torch.manual_seed(0)
        made.append(clips.batch(Position(), 4, rows).x0)
    assert torch.equal(made[0][1::2], made[1])
    plain = RenderedClips(DISCS, Pixels(), seed=3).batch(Position(), 4, ALL).x0
    assert (1 - made[0]).sum() < 0.5 * (1 - plain).sum()  # half as wide: less ink
