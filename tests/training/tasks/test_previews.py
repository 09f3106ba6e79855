from types import SimpleNamespace

import numpy as np
import torch

from kinema.clips import to_tensor
from kinema.training.sources import DiscClips
from kinema.training.tasks.previews import Predictions, Prompts
from kinema.worlds import discs

DISCS = DiscClips("uniform", num_frames=8, size=32)


class Painter:
    """A pipeline whose clips begin with their image, and end with a number for their prompt."""

    def __call__(self, prompt, image=None, seed=0, progress=False):
        prompts = [prompt] if isinstance(prompt, str) else prompt
        clips = np.zeros((len(prompts), 3, 4, 4, 3), np.uint8)
        clips[:, 0] = 0 if image is None else image
        clips[:, 2] = np.array([len(p) for p in prompts])[:, None, None, None]
        return SimpleNamespace(frames=clips)


def test_one_sample_a_prompt():
    clips, labels = Prompts(["a", "bcd"]).sheet(Painter())
    assert labels == ["a", "bcd"] and [int(clip[2].max()) for clip in clips] == [1, 3]


def test_samples_begin_with_their_own_images():
    images = [np.full((4, 4, 3), value, np.uint8) for value in (7, 9)]
    clips, _ = Prompts(["a", "bcd"], images).sheet(Painter())
    assert [int(clip[0].max()) for clip in clips] == [7, 9]
    assert [int(clip[2].max()) for clip in clips] == [1, 3]


class Oracle:
    """A pipeline that knows how every scene goes on, or holds the last given frame."""

    device = torch.device("cpu")

    def __init__(self, frames: np.ndarray, moves: bool = True):
        self.frames, self.moves = frames, moves

    def complete(self, given, num_frames, seeds):
        true = to_tensor(self.frames[: len(given)])
        assert torch.equal(given, true[:, :, : given.shape[2]]) and true.shape[2] == num_frames
        held = given[:, :, -1:].expand(-1, -1, num_frames - given.shape[2], -1, -1)
        return true if self.moves else torch.cat([given, held], dim=2)


def test_who_knows_the_scene_errs_less_than_who_holds_a_frame():
    frames = DISCS.make(list(range(6)))[0]["frames"].numpy()
    scenes = [discs.sample_scene(seed, DISCS.level, DISCS.split) for seed in range(6)]
    preview = Predictions(frames, scenes, given=3)
    knows = preview.scores(Oracle(frames))["velocity_error"]
    holds = preview.scores(Oracle(frames, moves=False))["velocity_error"]
    assert knows < 0.1 < 1 < holds
    clips, labels = preview.sheet(Oracle(frames))
    assert labels == ["true", "predicted"] * 4 and len(clips) == 8
    assert all(np.array_equal(a, b) for a, b in zip(clips[::2], clips[1::2], strict=True))
