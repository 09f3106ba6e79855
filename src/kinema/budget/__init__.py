"""`kinema budget`: what a generation or a recipe will take on this machine, and what fits."""

from collections.abc import Sequence

import torch

import kinema
from kinema.budget import generation, training
from kinema.budget.generation import Buckets, Estimate, plan_generation
from kinema.budget.memory import free_bytes, peak_bytes
from kinema.budget.training import Rehearsal, TrainingPlan, plan_training
from kinema.fields import Count, Name, Positive, Side
from kinema.reports.tables import print_table
from kinema.training import Loop

__all__ = [
    "Buckets", "Estimate", "TrainingPlan", "peak_bytes", "plan_generation", "plan_training", "run",
    "run_training",
]  # fmt: skip


def run(
    model: Name = "tabletop",
    num_frames: Count = 1000,
    sizes: Sequence[Side] = (64,),
    num_steps: Count | None = None,
    guidance_scale: float | None = None,
    memory: Positive | None = None,
    device: str | None = None,
) -> None:
    """What a video takes in memory and time, by every strategy and at every size.

    Args:
        model: a system that ships, a folder, or a repository of the hub.
        num_frames: of the video.
        sizes: heights and widths, sides of squares.
        num_steps: sampling steps; the system's own unless given.
        guidance_scale: the system's own unless given.
        memory: GiB there are; what is free unless given.
        device: cpu or cuda; cuda where there is one unless given, as for `kinema generate`.
    """
    place = device or ("cuda" if torch.cuda.is_available() else "cpu")
    pipe = kinema.load(model).to(place)
    limit = free_bytes(pipe.device) if memory is None else memory * 2**30
    estimates = plan_generation(pipe, Buckets(num_frames, sizes, num_steps, guidance_scale))
    print_table(f"{num_frames} frames by {model}", generation.rows(estimates, limit))
    print(generation.advice(estimates, limit))


def run_training(name: str, task: Rehearsal, loop: Loop) -> None:
    """What a recipe takes in memory and time, for batches of several sizes."""
    limit = free_bytes(torch.device(loop.device))
    plan = plan_training(task, loop)
    sizes = sorted({1, loop.batch_size // 2 or 1, loop.batch_size, 2 * loop.batch_size})
    print_table(f"kinema train {name}", training.rows(plan, sizes, limit))
    print(training.advice(plan, limit))
