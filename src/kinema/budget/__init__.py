"""`kinema budget`: what a generation or a recipe will take on this machine, and what fits."""

import torch

import kinema
from kinema.budget import generation, training
from kinema.budget.generation import Buckets, Estimate, plan_generation
from kinema.budget.memory import free_bytes, peak_bytes
from kinema.budget.training import Rehearsal, TrainingPlan, plan_training
from kinema.reports import Table
from kinema.training import Loop
from kinema.training.waiting import telling

__all__ = [
    "Buckets", "Estimate", "TrainingPlan", "peak_bytes", "plan_generation", "plan_training", "run",
    "run_training",
]  # fmt: skip


def run(buckets: Buckets) -> None:
    """Print what fits, and what to change where nothing does."""
    place = buckets.device or ("cuda" if torch.cuda.is_available() else "cpu")
    pipe = kinema.load(buckets.model).to(place)
    limit = free_bytes(pipe.device) if buckets.memory is None else buckets.memory * 2**30
    with telling("Measuring a call of every strategy at every size."):
        estimates = plan_generation(pipe, buckets)
    title = f"{buckets.num_frames} frames by {buckets.model}"
    Table(title, generation.rows(estimates, limit)).show()
    print(generation.advice(estimates, limit))


def run_training(name: str, task: Rehearsal, loop: Loop) -> None:
    """What a recipe takes in memory and time, for batches of several sizes."""
    limit = free_bytes(torch.device(loop.device))
    plan = plan_training(task, loop)
    sizes = sorted({1, loop.batch_size // 2 or 1, loop.batch_size, 2 * loop.batch_size})
    Table(f"kinema train {name}", training.rows(plan, sizes, limit)).show()
    print(training.advice(plan, limit))
