from dataclasses import replace

import pytest
import torch
from torch import nn

from kinema.budget import peak_bytes, plan_training, run_training
from kinema.budget.training import advice, rows, step
from kinema.recipes import RECIPES
from kinema.training import Loop

GIB = 2**30


class Task:
    """A matrix of 1 MiB, and 4 MiB of activations a clip."""

    def __init__(self):
        self.network = nn.Linear(512, 512, bias=False)

    def rehearse(self, batch_size):
        x = torch.ones(batch_size * 2048, 512)  # 4 MiB a clip
        return self.network(x).square().mean()


@pytest.fixture(scope="module")
def plan():
    return plan_training(Task(), Loop(num_samples=1000, batch_size=16, precision="fp32"))


def test_memory_is_linear_in_the_batch(plan):
    clip = 4 * 2**20
    assert 4 * clip <= plan.per_clip <= 12 * clip
    assert plan.bytes(10) - plan.bytes(4) == 6 * plan.per_clip


def test_the_time_of_the_run_is_that_of_its_clips(plan):
    assert plan.seconds == pytest.approx(1000 * plan.seconds_per_clip)


def test_the_largest_batch_that_fits(plan):
    limit = plan.bytes(7) + 1
    assert plan.largest_batch(limit) == 7
    assert "--loop.batch-size 7" in advice(plan, limit)
    assert advice(plan, plan.bytes(16) + 1).startswith("A batch of 16 fits")
    assert "Not even one clip" in advice(plan, plan.bytes(1) - 1)
    assert [row[-1] for row in rows(plan, [7, 8], limit)[1:]] == ["yes", "no"]


def test_the_command_prints_the_table_and_the_advice(capsys):
    run_training("matrices", Task(), Loop(num_samples=100, batch_size=4, precision="fp32"))
    out = capsys.readouterr().out
    assert "kinema train matrices" in out and "A batch of 4 fits" in out


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_says_what_it_trains(recipe):
    assert callable(RECIPES[recipe]().task)


@pytest.mark.parametrize("recipe", ["tabletop", "tabletop-codec", "physics-uniform"])
def test_recipes_can_be_rehearsed(recipe):
    """Counted without memory: bf16 as in training, forward and backward."""
    run = RECIPES[recipe]()
    if hasattr(run, "denoiser"):
        run.denoiser = replace(run.denoiser, depth=2)  # its layers are alike
    task = run.task()
    assert run.loop.dtype  # measured before tensors have no memory
    one, two = (
        peak_bytes(lambda n=n: step(task, run.loop, n), task.network.parameters()) for n in (1, 2)
    )
    assert 2**20 < two - one < 2**30
