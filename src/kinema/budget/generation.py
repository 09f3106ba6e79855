"""What a video will take in memory and time, by every strategy and at every size, before step 1.

Memory is what the process holds now, and the larger of what a call of the network and what decoding
a piece need (`memory.peak_bytes`, and the allocator's share). Time is measured: one call of each
length that a strategy asks for, times how often it asks. A strategy that caches the past is taken
to see as much of it from the first call on as at the end.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from kinema.blocks.cache import Cache
from kinema.budget.memory import ALLOCATOR, held_bytes, peak_bytes
from kinema.conditions import Conditions
from kinema.errors import UserError
from kinema.fields import Count, Name, Positive, Side
from kinema.sampling.rollout import Autoregressive, Strategy
from kinema.video import STRATEGIES, Generation, Request, VideoPipeline, settle, strategy_named

PROMPT = "a red ball rolls to the right"
LONGEST = 64  # latent frames: a longer call is not tried but extrapolated from this one


@dataclass
class Estimate:
    """A video by one strategy at one size."""

    strategy: str  # its name
    size: tuple[int, int]  # height and width
    frames: int  # latent frames that the denoiser sees at once, the most
    calls: int  # how often it is asked
    bytes: float  # the most memory that the process will hold
    seconds: float  # how long it will take


@dataclass
class Buckets:
    """What a video takes in memory and time, by every strategy and at every size."""

    model: Name = "tabletop"  # a system that ships, a folder, or a repository of the hub
    num_frames: Count = 1000  # of the video
    sizes: Sequence[Side] = (64,)  # heights and widths, sides of squares
    num_steps: Count | None = None  # sampling steps; the system's own unless given
    guidance_scale: float | None = None  # the system's own unless given
    memory: Positive | None = None  # GiB there are; what is free unless given
    # cpu or cuda; cuda where there is one unless given, as for `kinema generate`
    device: str | None = None


def plan_generation(pipe: VideoPipeline, buckets: Buckets) -> list[Estimate]:
    """Estimate every size and strategy, the whole video at once first."""
    if not buckets.sizes or min(buckets.sizes) < 1:
        raise UserError("Name at least one size to plan for, such as --sizes [64,128].")
    names = ("num_frames", "num_steps", "guidance_scale")
    options = {name: getattr(buckets, name) for name in names}
    prompt = PROMPT if pipe.system.takes_prompts else ""
    requests = [Request.of(prompt, {**options, "size": size}) for size in buckets.sizes]
    return [one for request in requests for one in plan_size(pipe, settle(request, pipe))]


def plan_size(pipe: VideoPipeline, settings: Generation) -> list[Estimate]:
    """Estimate all strategies at one size; calls of one length are measured once."""
    total, window = (
        pipe.codec.latent_shape(num_frames, *settings.size)[1]
        for num_frames in (settings.num_frames, pipe.system.num_frames)
    )
    pieces = total / min(window, total)
    piece_bytes, piece_seconds = decoding(pipe, settings, min(window, total))
    resident = held_bytes(pipe.device)
    costs: dict[tuple[int, int], tuple[int, float]] = {}  # of a call of frames with a past
    estimates = []
    for name in STRATEGIES:
        strategy = strategy_named(name, pipe)
        counts, past = strategy.calls(total, settings.num_steps), cached_frames(strategy, total)
        peak = piece_bytes * (pieces if name == "whole" else 1.0)  # decoded and kept whole
        seconds = piece_seconds * pieces
        for frames, count in counts.items():
            if (frames, past) not in costs:
                call = Call(pipe, settings, frames, past)
                costs[frames, past] = call.peak(), timed(pipe, settings, frames, past)
            peak = max(peak, costs[frames, past][0])
            seconds += count * costs[frames, past][1]
        memory = resident + ALLOCATOR * peak
        size, calls = settings.size, sum(counts.values())
        estimates.append(Estimate(name, size, max(counts), calls, memory, seconds))
    return estimates


def cached_frames(strategy: Strategy, total: int) -> int:
    """Count the latent frames that a strategy caches while it makes the last of a video."""
    if not isinstance(strategy, Autoregressive) or not strategy.cached:
        return 0
    before = (total - 1) // strategy.chunk * strategy.chunk
    return min(before, strategy.sinks + strategy.context)


class Call:
    """One call of the network for a video, with the row that guidance adds.

    It shows `frames` latent frames, behind `past` ones that the network has in its cache.
    """

    def __init__(
        self, pipe: VideoPipeline, settings: Generation, frames: int, past: int = 0
    ) -> None:
        self.pipe, self.frames, self.past = pipe, frames, past
        self.size = settings.size
        prompts = [PROMPT] if settings.guidance_scale == 1 else [PROMPT, ""]
        self.conditions = Conditions(text=pipe.text(prompts))
        self.rows = len(prompts)

    def cache(self) -> Cache:
        """Return what the network keeps of the past."""
        cache: Cache = {}
        for start in range(0, self.past, self.frames):
            self.ask(min(self.frames, self.past - start), cache)
        return cache

    def peak(self) -> int:
        """Return the most bytes that the call takes, the cache among them."""
        return peak_bytes(lambda: self(self.cache()), self.pipe.denoiser.parameters())

    def __call__(self, cache: Cache) -> None:
        self.ask(self.frames, dict(cache))  # a copy: the next call sees the same past

    @torch.no_grad()
    def ask(self, frames: int, cache: Cache) -> None:
        x = empty_latents(self.pipe, self.size, frames, self.rows)
        t = torch.ones(self.rows, frames, device=x.device)
        options = {"cache": cache} if self.past else {}
        self.pipe.denoiser(x, t, self.conditions, **options)


def empty_latents(pipe: VideoPipeline, size: tuple[int, int], frames: int, rows: int = 1) -> Tensor:
    c, _, h, w = pipe.codec.latent_shape(1, *size)
    return torch.zeros(rows, c, frames, h, w, device=pipe.device)


@torch.no_grad()
def decoding(pipe: VideoPipeline, settings: Generation, frames: int) -> tuple[int, float]:
    """Return the bytes and the seconds of decoding a piece."""
    codec = pipe.codec

    def decode() -> None:
        codec.decode(empty_latents(pipe, settings.size, frames), None, settings.size)

    began = clock(pipe.device)
    decode()
    seconds = clock(pipe.device) - began
    weights = [*codec.parameters(), *codec.buffers()] if isinstance(codec, nn.Module) else []
    return peak_bytes(decode, weights), seconds


def clock(device: torch.device) -> float:
    """Return seconds, told when the device has done all that it was asked."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def timed(pipe: VideoPipeline, settings: Generation, frames: int, past: int = 0) -> float:
    """Seconds of a call; beyond LONGEST frames, grown with them from a call of so many."""
    call = Call(pipe, settings, min(frames, LONGEST), past)
    cache = call.cache()
    call(cache)  # the first prepares kernels
    began = clock(pipe.device)
    call(cache)
    return (clock(pipe.device) - began) * max(frames / LONGEST, 1)


def advice(estimates: Sequence[Estimate], memory: float) -> str:
    """Say what fits into `memory` bytes, and what to change where nothing does."""
    room = gigabytes(memory)
    if all(e.bytes <= memory for e in estimates):
        return f"Everything fits into {room}."
    lines = []
    for size in dict.fromkeys(e.size for e in estimates):
        there = [e for e in estimates if e.size == size]
        fitting = [e for e in there if e.bytes <= memory]
        best = min(fitting, key=lambda e: e.seconds, default=None)
        if fitting == there:
            told = f"everything fits into {room}."
        elif best:
            large = ", ".join(e.strategy for e in there if e not in fitting)
            told = (
                f"too large for {room}: {large}; use --long {best.strategy}, "
                f"{gigabytes(best.bytes)} and {duration(best.seconds)}."
            )
        else:
            least = min(there, key=lambda e: e.bytes)
            told = (
                f"nothing fits into {room}: {least.strategy} needs {gigabytes(least.bytes)}; "
                "choose a smaller size, or shorter windows."
            )
        lines.append(f"At {size[0]}x{size[1]} {told}")
    return "\n".join(lines)


def gigabytes(size: float) -> str:
    return f"{size / 2**30:.2f} GiB"


def duration(seconds: float) -> str:
    """Seconds, minutes or hours."""
    if seconds < 100:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def rows(estimates: Sequence[Estimate], memory: float) -> list[list[str]]:
    """Return a header and a row for every estimate."""
    return [
        ["strategy", "size", "latent frames at once", "calls", "memory", "time", "fits"],
        *(
            [e.strategy, f"{e.size[0]}x{e.size[1]}", str(e.frames), str(e.calls)]
            + [gigabytes(e.bytes), duration(e.seconds), "yes" if e.bytes <= memory else "no"]
            for e in estimates
        ),
    ]
