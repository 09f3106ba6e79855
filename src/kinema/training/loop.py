"""The training loop. It knows no architecture: a `Task` brings networks, data and loss."""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Protocol

import torch
from torch import Tensor, nn

from kinema.blocks.precision import (
    DTYPES,
    PRECISIONS,
    computing_in,
    dtype_of,
    fastest_dtype,
    flushed_denormals,
)
from kinema.errors import UserError
from kinema.fields import Count, Name, OneOf, Positive, Seed, Share, Weight, Whole, check_fields
from kinema.storage.locks import locked_folder
from kinema.storage.weights import require_finite
from kinema.training import checkpoint
from kinema.training.checkpoint import Position, State
from kinema.training.ema import WeightAverages
from kinema.training.meter import Estimate, Meter, ceiling_of, cost
from kinema.training.metrics_log import MetricsLog
from kinema.training.optimizer import OPTIMIZERS, learning_rate_factor, make_optimizers
from kinema.training.processes import Processes
from kinema.training.randomness import seed_step
from kinema.training.waiting import telling

MAX_BAD_STEPS = 3  # non-finite losses in a row before the run goes back to its last checkpoint
MAX_ROLLBACKS = 10  # of a run, before it gives up
MAX_WIDTH = 0.28  # of a weight average: power-function profiles are narrower than 0.289


@dataclass
class Loop:
    """How long and how fast to train."""

    # length of the run in clips. A run may be lengthened before it decays.
    num_samples: Count = 100_000
    batch_size: Count = 32  # clips a step
    learning_rate: Weight = 1e-3  # peak rate
    # "adamw", or "muon" (hidden matrices with Muon, the rest with AdamW)
    optimizer: Annotated[str, OneOf(OPTIMIZERS)] = "adamw"
    adamw_share: Weight = 0.3  # AdamW's rate over Muon's, where both are at work
    weight_decay: Weight = 0.01  # decoupled, on matrices only
    warmup: Whole = 2_000  # clips over which the rate rises
    decay_share: Share = 0.4  # the last share of the run, over which the rate falls to zero
    clip_norm: Positive = 1.0  # the gradient's largest norm
    # relative widths of the weight averages (EDM2); validation chooses between them
    averages: tuple[Positive, ...] = (0.05, 0.10)
    seed: Seed = 0  # of weights, data and noise
    log_every: Count = 20  # steps between two lines of `metrics.jsonl`
    # clips between two validations; the samples are drawn at the same moments
    validate_every: Count = 20_000
    checkpoint_minutes: Weight = 3.0  # minutes between two checkpoints
    # "bf16" (autocast), "fp32", or "auto", whichever is faster on this machine
    precision: Annotated[str, OneOf(PRECISIONS)] = "auto"
    device: Name = "cpu"  # "cpu" or "cuda"; under torchrun every process takes a GPU of its own

    def __post_init__(self):
        check_fields(self, "loop: ")
        if not self.averages or max(self.averages) > MAX_WIDTH:
            raise UserError(
                "`loop.averages` must hold at least one relative width above 0 and up to "
                f"{MAX_WIDTH}, such as 0.1, not {self.averages}."
            )
        if self.device != "cpu" and not torch.cuda.is_available():
            raise UserError(f"The device is {self.device!r}, and torch finds no GPU here; use cpu.")

    @property
    def dtype(self) -> torch.dtype:
        """In which matrix products are computed."""
        return dtype_of(self.precision, self.device)

    def computing(self) -> AbstractContextManager[None]:
        """A block within which matrix products are computed in the run's precision."""
        return computing_in(self.precision, self.device)


class Task(Protocol):
    """What a run trains: the parameters of `network` that require a gradient."""

    network: nn.Module

    def ready(self) -> AbstractContextManager[None]:
        """A block within which the network is ready to learn and its clips are being made."""

    def loss(
        self, position: Position, batch_size: int, rows: slice
    ) -> tuple[Tensor, dict[str, float]]:
        """The mean loss of the given rows of the step at `position`, and its named parts.

        It draws the whole batch and then takes its rows, which therefore do not depend on the
        process that takes them.
        """

    def validate(self) -> dict[str, float]:
        """Held-out scores of the network as it stands; "loss" decides which average is best."""

    def show(self, folder: Path, samples: int) -> None:
        """Write pictures of what the network makes."""

    def save(self, folder: Path) -> None:
        """Write the trained system as a folder that loads."""

    def flops(self, batch_size: int) -> float:
        """Floating-point operations of one training step (0 where nobody counted)."""


class Run(ABC):
    """What a recipe fills in: a dataclass with a `folder`, a `loop` and a task that it trains."""

    folder: Name
    loop: Loop

    def __post_init__(self) -> None:
        check_fields(self, "The run's ")

    @abstractmethod
    def task(self) -> Task:
        """Make what the run trains."""

    def prepared(self) -> Task:
        """Make the task, and tell of it what is worth knowing before the run."""
        check_fields(self, "The run's ")
        return self.task()

    @flushed_denormals()
    def train(self) -> State:
        """Train to the end, resuming where an interrupted run stopped."""
        with telling("Preparing the run: networks and lists of clips."):
            task = self.prepared()
        return train(task, self.loop, Path(self.folder))


def train(task: Task, loop: Loop, folder: Path) -> State:
    """Train `task` to the end, resuming from the last checkpoint in `folder` if there is one.

    The folder receives `checkpoint.safetensors`, `metrics.jsonl`, tensorboard events, pictures in
    `samples/`, and at the end the trained system in `final/`.

    Returns:
        the final state; `task.network` carries the best of the averaged weights.

    Raises:
        UserError: if another process trains in the folder, it holds the checkpoint of another
            configuration, weights are not finite, or the loss does not become finite however often
            the run goes back.
    """
    processes = Processes.join(loop.device)
    latest = folder / "checkpoint.safetensors"
    lock = locked_folder(folder) if processes.leads else nullcontext()
    with flushed_denormals(), lock, task.ready():
        processes.wait()
        loop = settled(loop, latest, processes)
        state = begin(task, loop, latest, processes)
        position = state.position
        with MetricsLog(folder, loop.num_samples, position.samples, processes.leads) as log:
            learn(task, loop, state, log, processes)
            if processes.leads:
                checkpoint.save(state, latest)
                finish(task, state, folder, loop, log)
        processes.wait()
    return state


def settled(loop: Loop, latest: Path, processes: Processes) -> Loop:
    """The loop with "auto" decided: the precision of the run to resume, or else the faster one."""
    if loop.precision != "auto":
        return loop
    if latest.exists():
        kept = checkpoint.read_metadata(latest).get("settings", {})
        return replace(loop, precision=kept.get("loop.precision", "auto"))
    votes = torch.tensor([float(loop.dtype == torch.bfloat16)], device=loop.device)
    processes.average([votes])
    return replace(loop, precision="bf16" if votes.item() > 0.5 else "fp32")


def begin(task: Task, loop: Loop, latest: Path, processes: Processes) -> State:
    """Networks, optimizers and averages, at the position of an interrupted run or at the start."""
    network = task.network.to(loop.device).train()
    require_finite(network.state_dict(), "The network that this run starts from")
    rates = loop.learning_rate, loop.weight_decay, loop.adamw_share
    shared = {f"loop.{name}": str(getattr(loop, name)) for name in ("seed", "batch_size")}
    state = State(
        network,
        WeightAverages(network, loop.averages),
        make_optimizers(network, loop.optimizer, *rates, dtype=loop.dtype),
        Position(),
        {**shared, "loop.precision": loop.precision},
    )
    if latest.exists():
        checkpoint.load(state, latest)
    elif processes.leads:
        checkpoint.save(state, latest)
    processes.wait()
    return state


def learn(task: Task, loop: Loop, state: State, log: MetricsLog, processes: Processes) -> None:
    """Take steps until the run has seen all its clips."""
    latest, position = log.folder / "checkpoint.safetensors", state.position
    ceiling = ceiling_of(processes, loop.device, loop.dtype)
    meter, estimate = Meter(task, loop.batch_size, position, ceiling), Estimate(loop.num_samples)
    log.say(f"The whole run: {cost(task, loop.num_samples, loop.batch_size)}. {precision(loop)}.")
    bad_steps, saved_at = 0, time.monotonic()
    while state.position.samples < loop.num_samples:
        # One step. Everything random is reseeded from the position.
        with nullcontext() if estimate.has_begun else telling("Taking the first step."):
            loss, parts = take_step(task, loop, state, processes)
        position = state.position
        bad_steps = 0 if loss is not None else bad_steps + 1

        # A loss that stays non-finite sends the run back, and on with other draws.
        if bad_steps:
            log.say(f"non-finite loss at step {position.step}: step skipped")
        if bad_steps >= MAX_BAD_STEPS:
            go_back(state, latest)
            log.back_to(state.position.samples)
            meter.restart(state.position)
            bad_steps = 0
            continue

        # Once in a while: a line, a validation with pictures, a checkpoint.
        if not processes.leads:
            continue
        if sentence := estimate.after_step(position):
            log.say(sentence)
        if loss is not None and position.step % loop.log_every == 0:
            rate, mfu = meter.read(position)
            log.log({"loss": loss, **parts, "clips_per_second": rate}, position.samples)
            log.show(position.samples, loss, rate, mfu)
        before = position.samples - loop.batch_size
        if position.samples // loop.validate_every > before // loop.validate_every:
            log.log(validate(task, state, log.folder, loop), position.samples)
            meter.restart(position)
            estimate.restart()
        if time.monotonic() - saved_at > 60 * loop.checkpoint_minutes and not bad_steps:
            checkpoint.save(state, latest)
            saved_at = time.monotonic()


def take_step(
    task: Task, loop: Loop, state: State, processes: Processes
) -> tuple[float | None, dict[str, float]]:
    """One optimizer step; None instead of the loss if it was not finite and nothing was done."""
    position = state.position
    seed_step(loop.seed, position)
    factor = learning_rate_factor(position.samples, loop.num_samples, loop.warmup, loop.decay_share)
    with loop.computing():
        loss, parts = task.loss(position, loop.batch_size, processes.rows(loop.batch_size))
    loss.backward()
    loss = loss.detach()
    processes.average([loss])
    processes.average_gradients(state.network)
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


def go_back(state: State, latest: Path) -> None:
    """Take up the last checkpoint, for other draws from there on."""
    rollbacks = state.position.rollbacks + 1
    if rollbacks > MAX_ROLLBACKS:
        raise UserError(
            f"The loss stays non-finite, {MAX_ROLLBACKS} times back at the checkpoint {latest}: "
            "lower --loop.learning_rate, or look for broken clips."
        )
    checkpoint.load(state, latest)
    state.position.rollbacks = rollbacks


def validate(task: Task, state: State, folder: Path, loop: Loop) -> dict[str, float]:
    """Held-out scores of every average; pictures of the best one."""
    with telling("Validating."):
        scores, best = scores_of_averages(task, state, loop)
        with state.averages.applied(best), evaluating(state.network, loop):
            task.show(folder / "samples", state.position.samples)
    named = {f"held_out_{k}_ema{w}": v for w, s in scores.items() for k, v in s.items()}
    return {**{f"held_out_{k}": v for k, v in scores[best].items()}, **named}


def scores_of_averages(
    task: Task, state: State, loop: Loop
) -> tuple[dict[float, dict[str, float]], float]:
    """Held-out scores by the width of each average, and the width of the best."""
    scores = {}
    for width in loop.averages:
        with state.averages.applied(width), evaluating(state.network, loop):
            scores[width] = task.validate()
    return scores, min(scores, key=lambda width: scores[width]["loss"])


def finish(task: Task, state: State, folder: Path, loop: Loop, log: MetricsLog) -> None:
    """Leave the best average in the network and write the system.

    Raises:
        UserError: if its weights are not finite; nothing is written then.
    """
    with telling("Validating every average of the weights for the last time."):
        scores, best = scores_of_averages(task, state, loop)
    require_finite(state.averages.tracks[best], f"The result of the run in {folder}")
    state.averages.copy(state.averages.tracks[best])
    state.network.eval()
    task.save(folder / "final")
    loss = scores[best]["loss"]
    log.log({"held_out_loss_final": loss, "best_average": best}, state.position.samples)
    log.say(f"done: {folder / 'final'} (average {best}, held-out loss {loss:.4f})")


@contextmanager
def evaluating(network: nn.Module, loop: Loop) -> Iterator[None]:
    """Within the block: eval mode, no gradients, the run's precision."""
    network.eval()
    with torch.no_grad(), loop.computing():
        yield
    network.train()


def precision(loop: Loop) -> str:
    """Which precision the run takes, and why if it is that of the machine."""
    dtype, reason = fastest_dtype(loop.device)
    return f"Precision {reason if DTYPES[loop.precision] == dtype else loop.precision}"
