"""A rung of the ladder on random latents, no rendering."""

from dataclasses import dataclass
from functools import partial

import pytest
import torch

from kinema.blocks.mixers import Attention
from kinema.denoisers import DiTConfig
from kinema.training import Shards
from studies.ladder.task import LadderTask

CORPUS = ["a red ball rolls to the right", "a blue cube spins"]


@dataclass
class RandomLatents:
    """Clips of 5 frames of 2x2 latents."""

    name: str = "random"
    num_clips: int = 64

    def make(self, indices):
        generator = torch.Generator().manual_seed(indices[0])
        latents = torch.randn(len(indices), 16, 5, 2, 2, generator=generator).half()
        return {"latents": latents}, [CORPUS[i % 2] for i in indices]


def tiny_task(cache, seed) -> LadderTask:
    config = DiTConfig(
        dim=32, depth=2, num_heads=2, attention="framewise", mixer=Attention(num_heads=2)
    )
    clips, unseen = (Shards(RandomLatents(name), cache, workers=0) for name in ("seen", "unseen"))
    return LadderTask(config, clips, unseen, CORPUS, seed)


@pytest.fixture
def make_task(tmp_path):
    """From a seed, a rung as it starts."""
    return partial(tiny_task, tmp_path / "cache")


@pytest.fixture
def task(make_task):
    """With random weights everywhere: a new network predicts zero, whatever it sees."""
    made = make_task(0)
    torch.manual_seed(0)
    for parameter in made.network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return made
