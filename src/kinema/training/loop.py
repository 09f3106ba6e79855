"""The training loop. It knows no architecture: a `Task` brings networks, data and loss."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Protocol

import torch
from torch import Tensor, nn

from kinema.errors import UserError
from kinema.fields import Count, Name, OneOf, Positive, Seed, Share, Weight, Whole
from kinema.training import checkpoint
from kinema.training.checkpoint import Position, State
from kinema.training.ema import WeightAverages
from kinema.training.journal import Journal
from kinema.training.machine import matrix_ceiling
from kinema.training.optimizer import OPTIMIZERS, learning_rate_factor, make_optimizers
from kinema.training.team import Team

PRECISIONS = ("bf16", "fp32")


@dataclass
class Loop:
    """How long and how fast to train.

    Attributes:
        num_samples: length of the run in clips. A run may be lengthened before it decays.
        batch_size: clips a step.
        learning_rate: peak rate.
        optimizer: "adamw", or "muon" (hidden matrices with Muon, the rest with AdamW).
        adamw_share: AdamW's rate over Muon's, where both are at work.
        weight_decay: decoupled, on matrices only.
        warmup: clips over which the rate rises.
        decay_share: the last share of the run, over which the rate falls to zero.
        clip_norm: the gradient's largest norm.
        averages: relative widths of the weight averages (EDM2); validation chooses between them.
        seed: of weights, data and noise.
        log_every: steps between two lines of `metrics.jsonl`.
        validate_every: clips between two validations; the samples are drawn at the same moments.
        checkpoint_minutes: minutes between two checkpoints.
        precision: "bf16" (autocast) or "fp32".
        device: "cpu" or "cuda"; under torchrun every process takes a GPU of its own.
    """

    num_samples: Count = 100_000
    batch_size: Count = 32
    learning_rate: Weight = 1e-3
    optimizer: Annotated[str, OneOf(OPTIMIZERS)] = "adamw"
    adamw_share: Weight = 0.3
    weight_decay: Weight = 0.01
    warmup: Whole = 2_000
    decay_share: Share = 0.4
    clip_norm: Positive = 1.0
    averages: tuple[Positive, ...] = (0.05, 0.10)
    seed: Seed = 0
    log_every: Count = 20
    validate_every: Count = 20_000
    checkpoint_minutes: Weight = 3.0
    precision: Annotated[str, OneOf(PRECISIONS)] = "bf16"
    device: Name = "cpu"

    def __post_init__(self):
        if self.optimizer not in OPTIMIZERS:
            raise UserError(f"optimizer {self.optimizer!r} is unknown; use one of {OPTIMIZERS}")
        for name in ("num_samples", "batch_size", "log_every", "validate_every"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} is {getattr(self, name)}, and must be at least 1")
        if not self.averages:
            raise UserError("averages must hold at least one relative width, such as 0.1")
        if self.precision not in PRECISIONS:
            raise UserError(f"precision {self.precision!r} is unknown; use one of {PRECISIONS}")
        if self.device != "cpu" and not torch.cuda.is_available():
            raise UserError(f"device is {self.device!r}, and torch finds no GPU here; use cpu")


class Task(Protocol):
    """What a run trains."""

    network: nn.Module

    def loss(
        self, position: Position, batch_size: int, rows: slice
    ) -> tuple[Tensor, dict[str, float]]:
        """The mean loss of the given rows of the step at `position`, and its named parts.

        It draws its own batch, and all of it, so that the rows do not depend on who takes them.
        """

    def validate(self) -> dict[str, float]:
        """Held-out scores of the network as it stands; "loss" decides which average is best."""

    def show(self, folder: Path, samples: int) -> None:
        """Write pictures of what the network makes."""

    def save(self, folder: Path) -> None:
        """Write the trained system as a folder that loads."""

    def flops(self, batch_size: int) -> float:
        """Floating-point operations of one training step (0 where nobody counted)."""


MAX_BAD_STEPS = 3  # non-finite losses in a row before the run goes back to its last checkpoint
MAX_ROLLBACKS = 10  # of a run, before it gives up


def train(task: Task, loop: Loop, folder: Path) -> State:
    """Train `task` to the end, resuming from the last checkpoint in `folder` if there is one.

    The folder receives `checkpoint.safetensors`, `metrics.jsonl`, tensorboard events, pictures in
    `samples/`, and at the end the trained system in `final/`.

    Returns:
        the final state; `task.network` carries the best of the averaged weights.

    Raises:
        UserError: if the folder holds the checkpoint of another configuration, or the loss does not
            become finite however often the run goes back.
    """
    # Networks, optimizers, averages; and the position of an interrupted run.
    folder.mkdir(parents=True, exist_ok=True)
    team = Team.join(loop.device)
    latest = folder / "checkpoint.safetensors"
    network = task.network.to(loop.device).train()
    optimizers = make_optimizers(
        network, loop.optimizer, loop.learning_rate, loop.weight_decay, loop.adamw_share
    )
    state = State(network, WeightAverages(network, loop.averages), optimizers, Position())
    if latest.exists():
        checkpoint.load(state, latest)
    elif team.leads:
        checkpoint.save(state, latest)
    team.wait()

    bad_steps, saved_at = 0, time.monotonic()
    meter = _Meter(loop, state.position, team)
    with Journal(folder, loop.num_samples, state.position.samples, team.leads) as journal:
        while state.position.samples < loop.num_samples:
            # One step. Everything random is reseeded from the position.
            loss, parts = _step(task, loop, state, team)
            bad_steps = 0 if loss is not None else bad_steps + 1

            # A loss that stays non-finite sends the run back, and on with other draws.
            if bad_steps:
                journal.say(f"non-finite loss at step {state.position.step}: step skipped")
            if bad_steps >= MAX_BAD_STEPS:
                _go_back(state, latest)
                journal.back_to(state.position.samples)
                bad_steps, meter = 0, _Meter(loop, state.position, team)

            # Once in a while: a line, a validation with pictures, a checkpoint.
            if not team.leads:
                continue
            if loss is not None and state.position.step % loop.log_every == 0:
                rate, mfu = meter.read(task, state.position)
                journal.log(
                    {"loss": loss, **parts, "clips_per_second": rate}, state.position.samples
                )
                journal.show(state.position.samples, loss, rate, mfu)
            if _crossed(state.position.samples, loop.batch_size, loop.validate_every):
                journal.log(_validate(task, state, folder, loop), state.position.samples)
                meter = _Meter(loop, state.position, team)
            if time.monotonic() - saved_at > 60 * loop.checkpoint_minutes and not bad_steps:
                checkpoint.save(state, latest)
                saved_at = time.monotonic()

        # The end: the best average is the result.
        if team.leads:
            checkpoint.save(state, latest)
            _finish(task, state, folder, loop, journal)
    team.wait()
    return state


def _step(
    task: Task, loop: Loop, state: State, team: Team
) -> tuple[float | None, dict[str, float]]:
    """One optimizer step; None instead of the loss if it was not finite and nothing was done."""
    position = state.position
    torch.manual_seed(hash((loop.seed, position.step, position.rollbacks)) % 2**63)
    factor = learning_rate_factor(position.samples, loop.num_samples, loop.warmup, loop.decay_share)
    with _precision(loop):
        loss, parts = task.loss(position, loop.batch_size, team.rows(loop.batch_size))
    loss.backward()
    loss = loss.detach()
    team.average([loss])
    team.average_gradients(state.network)
    norm = nn.utils.clip_grad_norm_(state.network.parameters(), loop.clip_norm)
    finite = bool(torch.isfinite(loss) and torch.isfinite(norm))
    for optimizer in state.optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * factor
        if finite:
            optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    position.step += 1
    position.samples += loop.batch_size
    if not finite:
        return None, {}
    state.averages.update(position.step)
    return loss.item(), {**parts, "grad_norm": norm.item(), "learning_rate_factor": factor}


def _go_back(state: State, latest: Path) -> None:
    """Take up the last checkpoint, for other draws from there on."""
    rollbacks = state.position.rollbacks + 1
    if rollbacks > MAX_ROLLBACKS:
        raise UserError(
            f"the loss stays non-finite, {MAX_ROLLBACKS} times back at the checkpoint {latest}: "
            "lower --loop.learning-rate, or look for broken clips"
        )
    checkpoint.load(state, latest)
    state.position.rollbacks = rollbacks


def _validate(task: Task, state: State, folder: Path, loop: Loop) -> dict[str, float]:
    """Held-out scores of every average; pictures of the best one."""
    scores = {}
    for width in loop.averages:
        with state.averages.applied(width), _evaluating(state.network, loop):
            scores[width] = task.validate()
    best = min(scores, key=lambda width: scores[width]["loss"])
    with state.averages.applied(best), _evaluating(state.network, loop):
        task.show(folder / "samples", state.position.samples)
    named = {f"held_out_{k}_ema{w}": v for w, s in scores.items() for k, v in s.items()}
    return {**{f"held_out_{k}": v for k, v in scores[best].items()}, **named}


def _finish(task: Task, state: State, folder: Path, loop: Loop, journal: Journal) -> None:
    """Leave the best average in the network and write the system."""
    scores = {}
    for width in loop.averages:
        with state.averages.applied(width), _evaluating(state.network, loop):
            scores[width] = task.validate()["loss"]
    best = min(scores, key=scores.__getitem__)
    with torch.no_grad():
        for name, p in state.network.named_parameters():
            p.copy_(state.averages.tracks[best][name])
    state.network.eval()
    task.save(folder / "final")
    journal.log({"held_out_loss_final": scores[best], "best_average": best}, state.position.samples)
    journal.say(f"done: {folder / 'final'} (average {best}, held-out loss {scores[best]:.4f})")


class _Meter:
    """Clips a second and the share of the machine's measured ceiling since the last reading."""

    def __init__(self, loop: Loop, position: Position, team: Team):
        self.loop, self.samples, self.time = loop, position.samples, time.perf_counter()
        self.ceiling = team.size * matrix_ceiling(loop.device)

    def read(self, task: Task, position: Position) -> tuple[float, float]:
        now = time.perf_counter()
        rate = (position.samples - self.samples) / (now - self.time)
        self.samples, self.time = position.samples, now
        per_clip = task.flops(self.loop.batch_size) / self.loop.batch_size
        return rate, rate * per_clip / self.ceiling


@contextmanager
def _evaluating(network: nn.Module, loop: Loop) -> Iterator[None]:
    """Within the block: eval mode, no gradients, the run's precision."""
    network.eval()
    with torch.no_grad(), _precision(loop):
        yield
    network.train()


def _precision(loop: Loop):
    if loop.precision == "fp32":
        return nullcontext()
    return torch.autocast(torch.device(loop.device).type, torch.bfloat16)


def _crossed(samples: int, batch_size: int, every: int) -> bool:
    """Whether the last step passed a multiple of `every`."""
    return samples // every > (samples - batch_size) // every
