from contextlib import nullcontext

import pytest
import torch
from torch import nn

from kinema import diffusion
from kinema.conditions import NoText, SmallTextConfig, SmallTextEncoder
from kinema.denoisers import DiTConfig, make_denoiser
from kinema.diffusion import GivenFrames, LogitNormal
from kinema.training import Position
from kinema.training.histories.degradation import Degradation
from kinema.training.histories.resampling import Resampling
from kinema.training.tasks.diffusion import Batch, DiffusionTask, Objective

CAPTIONS = ["a red ball", "a blue cube", "a green cone", "a pink ball"]


class Still:
    """Four clips, always the same."""

    shape = (2, 4, 4, 4)

    def __init__(self):
        self.x0 = torch.randn(4, *self.shape, generator=torch.Generator().manual_seed(0))

    def batch(self, position, batch_size, rows):
        return Batch(self.x0[:batch_size][rows], CAPTIONS[:batch_size][rows])

    def held_out(self):
        return Batch(self.x0, CAPTIONS)

    def ready(self):
        return nullcontext()


def make_task(**objective) -> DiffusionTask:
    torch.manual_seed(0)
    text = SmallTextEncoder.from_corpus(CAPTIONS, SmallTextConfig(dim=32, depth=1, num_heads=2))
    config = DiTConfig(channels=2, dim=32, depth=1, num_heads=2, patch=(1, 2, 2), text_dim=32)
    network = nn.ModuleDict({"denoiser": make_denoiser(config), "text": text})
    for parameter in network["denoiser"].parameters():
        nn.init.normal_(parameter, std=0.2)
    return DiffusionTask(network, Still(), Objective(**objective))


def watched(task, batch_size: int = 4, rows: slice = slice(None)) -> tuple:
    """What the loss of a step is taken of: x0, conditions, t, noise."""
    seen = []
    original = task.diffusion_loss
    task.diffusion_loss = lambda *given: seen.append(given) or original(*given)
    torch.manual_seed(5)
    task.loss(Position(), batch_size, rows)
    task.diffusion_loss = original
    return seen[0]


def test_the_loss_is_that_of_the_denoiser_on_noised_clips():
    task = make_task(prediction="v")
    x0, conditions, t, noise = watched(task)
    torch.manual_seed(5)
    loss, parts = task.loss(Position(), 4, slice(None))
    denoiser = task.network["denoiser"]
    expected = diffusion.loss(denoiser, x0, conditions, t, noise, task.path, "v").mean()
    assert torch.equal(loss, expected) and parts == {}
    assert (
        torch.equal(x0, task.data.x0) and t.min() > 0 and noise.std() == pytest.approx(1, abs=0.2)
    )
    loss.backward()
    assert all(p.grad is not None for p in denoiser.parameters())


@pytest.mark.parametrize("dropout", [0.0, 1.0])
def test_dropped_captions_are_the_null_caption(dropout):
    task = make_task(caption_dropout=dropout)
    text = watched(task)[1].text
    expected = task.network["text"]([""] * 4 if dropout else CAPTIONS)
    assert torch.equal(text.tokens, expected.tokens)


@pytest.mark.parametrize(
    "spoiled",
    [{"degradation": Degradation(share=1.0)}, {"resampling": Resampling(share=1.0, mean=3.0)}],
)
def test_histories_are_spoiled_and_targets_are_true(spoiled):
    task = make_task(times=GivenFrames(LogitNormal(), max_given=2, min_given=1), **spoiled)
    x0, _, t, _ = watched(task)
    changed = (x0 != task.data.x0).flatten(3).any(3).any(1)  # b f
    assert torch.equal(changed, t == 0) and changed.any()


def test_the_rows_of_a_step_are_the_same_whoever_takes_them():
    task = make_task(
        caption_dropout=0.5, degradation=Degradation(share=0.5), resampling=Resampling(share=0.5),
        times=GivenFrames(LogitNormal(), max_given=2),
    )  # fmt: skip
    whole, odd = watched(task), watched(task, rows=slice(1, None, 2))
    for i in (2, 3):
        assert torch.equal(whole[i][1::2], odd[i])
    torch.testing.assert_close(whole[0][1::2], odd[0], rtol=1e-4, atol=1e-5)


def test_frames_that_are_given_cost_nothing_in_validation():
    free, given = make_task(), make_task(num_given=3)
    seen = []
    original = given.diffusion_loss
    given.diffusion_loss = lambda *all_of: seen.append(all_of[2]) or original(*all_of)
    scores = given.validate()
    assert all((t[:, :3] == 0).all() and (t[:, 3:] > 0).all() for t in seen)
    assert scores["loss"] != free.validate()["loss"] and scores == given.validate()


def test_validation_reports_the_ends_of_its_times():
    task = make_task(validation_times=(0.3, 0.9))
    scores = task.validate()
    assert scores["loss"] == pytest.approx((scores["loss_low"] + scores["loss_high"]) / 2)
    alone = make_task(validation_times=(0.3,)).validate()["loss"]
    assert scores["loss_low"] == pytest.approx(alone)


def test_parts_are_saved_as_folders(tmp_path):
    task = make_task()
    task.save(tmp_path)
    saved = type(task.network["denoiser"]).from_pretrained(tmp_path / "denoiser")
    for a, b in zip(saved.parameters(), task.network["denoiser"].parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_denoiser_without_text_is_steered_by_nothing():
    torch.manual_seed(0)
    config = DiTConfig(channels=2, dim=32, depth=1, num_heads=2, patch=(1, 2, 2), text_dim=0)
    network = nn.ModuleDict({"denoiser": make_denoiser(config), "text": NoText()})
    task = DiffusionTask(network, Still(), Objective(caption_dropout=0.5))
    assert task.conditions(CAPTIONS).text is None
    assert task.loss(Position(), 4, slice(None))[0].isfinite()
