from dataclasses import replace

import numpy as np
import pytest
import torch

from kinema import clips
from kinema.clips import Clip
from kinema.errors import UserError
from kinema.probes.long_videos import check_made, file_name, makers
from kinema.video import System

SYSTEM = System(num_frames=9, size=(32, 32), fps=8.0, overlap=5)


class Pipe(torch.nn.Linear):
    """Has weights and a system, and is all of a pipeline that is looked at."""

    def __init__(self, weight=0.0, system=SYSTEM):
        super().__init__(1, 1)
        torch.nn.init.constant_(self.weight, weight)
        torch.nn.init.constant_(self.bias, 0)
        self.system = system


def test_no_strategies_are_refused():
    with pytest.raises(UserError, match=r"name one or more, such as --strategies \[sliding\]"):
        makers(("tiny",), (), load=lambda name: Pipe())


@pytest.mark.parametrize("other", [{"fps": 16.0}, {"size": (64, 64)}])
def test_models_of_another_size_or_rate_are_refused(other):
    pipes = {"a": Pipe(), "b": Pipe(system=replace(SYSTEM, **other))}
    with pytest.raises(UserError, match="a 32x32 at 8 fps, b .* measure one at a time"):
        makers(("a", "b"), ("sliding",), load=pipes.__getitem__)


def test_every_model_meets_every_strategy():
    columns = makers(("a", "b"), ("sliding", "rolling"), load=lambda name: Pipe())
    assert list(columns) == ["a, sliding", "a, rolling", "b, sliding", "b, rolling"]
    assert columns["b, rolling"].strategy == "rolling"


def test_a_name_tells_weights_and_defaults_apart():
    one, same, other = Pipe(), Pipe(), Pipe(weight=1.0)
    slower = Pipe(system=replace(SYSTEM, num_steps=7))
    assert file_name("runs/a/final", one) == file_name("runs/a/final", same)
    assert file_name("runs/a/final", one).startswith("a-final-")
    names = {file_name("a", pipe) for pipe in (one, other, slower)}
    assert len(names) == 3


@pytest.mark.parametrize(
    ("num_frames", "seed", "words"),
    [(4, 1, "has 3 frames, not 4: delete it"), (3, 2, "made with seed 1, not 2: delete it")],
)
def test_a_file_that_was_made_otherwise_is_told(tmp_path, num_frames, seed, words):
    path, metadata = tmp_path / "a.mkv", {"settings": {"seed": 1}}
    clips.write(Clip(np.zeros((3, 32, 32, 3), np.uint8), 8.0, metadata=metadata), path)
    check_made(path, 3, {"seed": 1})
    with pytest.raises(UserError, match=words):
        check_made(path, num_frames, {"seed": seed})
