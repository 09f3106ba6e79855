"""Clips in memory are those of the source, made once, whatever the order they are asked in."""

import torch

from kinema.training.kept import KeptClips
from kinema.training.shards import Shards
from kinema.training.sources import WorldClips


class Counting:
    """A source that notes what it made and draws random numbers meanwhile."""

    num_clips, name = 100, "counting"

    def __init__(self):
        self.made = []

    def make(self, indices):
        self.made += indices
        torch.rand(3)
        return {"x": torch.tensor(indices)[:, None].float()}, [f"clip {i}" for i in indices]


def test_every_clip_is_made_once_and_found_in_any_order():
    source = Counting()
    clips = KeptClips(source)
    tensors, captions = clips.read([5, 2, 5])
    assert tensors["x"][:, 0].tolist() == [5, 2, 5] and captions == ["clip 5", "clip 2", "clip 5"]
    assert clips.read([2, 7])[0]["x"][:, 0].tolist() == [2, 7]
    assert source.made == [2, 5, 7] and len(clips) == 100


def test_making_clips_draws_no_random_number_of_the_run():
    torch.manual_seed(0)
    KeptClips(Counting()).read([1])
    after = torch.rand(2)
    torch.manual_seed(0)
    assert torch.equal(torch.rand(2), after)


def test_the_clips_are_those_of_the_files(tmp_path):
    data = WorldClips(num_frames=1, size=8, num_clips=64)
    files, files_words = Shards(data, tmp_path, workers=0).read([9, 3])
    kept = KeptClips(data)
    with kept.making():
        memory, words = kept.read([9, 3])
    assert torch.equal(memory["frames"], files["frames"]) and words == files_words
