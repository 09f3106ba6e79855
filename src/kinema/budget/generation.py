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
from torch import nn

from kinema.blocks.cache import Cache
from kinema.budget.memory import ALLOCATOR, held_bytes, peak_bytes
from kinema.conditions import Conditions
from kinema.errors import UserError
from kinema.fields import Count, Name, Positive, Side
from kinema.sampling.rollout import Autoregressive, Strategy
from kinema.video import STRATEGIES, Generation, Request, VideoPipeline, settle, strategy_named

PROMPT = "a red ball rolls to the right"


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
    """An estimate for every size and strategy, the whole video at once first."""
    if not buckets.sizes or min(buckets.sizes) < 1:
        raise UserError("Name at least one size to plan for, such as --sizes [64,128].")
    return [
        estimate
        for size in buckets.sizes
        for estimate in plan_size(pipe, settled(pipe, buckets, size))
    ]


def settled(pipe: VideoPipeline, buckets: Buckets, size: int) -> Generation:
    options = {
        "num_frames": buckets.num_frames,
        "size": size,
        "num_steps": buckets.num_steps,
        "guidance_scale": buckets.guidance_scale,
    }
    return settle(Request.of(PROMPT if pipe.system.takes_prompts else "", options), pipe)


def plan_size(pipe: VideoPipeline, settings: Generation) -> list[Estimate]:
    """All strategies at one size; calls of one length are measured once."""
    total = pipe.codec.latent_shape(settings.num_frames, *settings.size)[1]
    # Of every strategy: frames at once, frames in the cache -> calls
    asked: dict[str, dict[tuple[int, int], int]] = {}
    for name in STRATEGIES:
        strategy = strategy_named(name, pipe)
        counts, past = strategy.calls(total, settings.num_steps), cached_frames(strategy, total)
        asked[name] = {(frames, past): count for frames, count in counts.items()}
    window = pipe.codec.latent_shape(pipe.system.num_frames, *settings.size)[1]
    piece_bytes, piece_seconds = decoding(pipe, settings, min(window, total))
    resident = held_bytes(pipe.device)
    peaks: dict[tuple[int, int], int] = {}
    seconds: dict[tuple[int, int], float] = {}
    for frames, past in sorted({one for calls in asked.values() for one in calls}):
        call = Call(pipe, settings, frames, past)
        peaks[frames, past] = call.peak()
        seconds[frames, past] = timed(pipe, settings, frames, past)
    estimates = []
    for name, calls in asked.items():
        held = float(max(max(peaks[one] for one in calls), piece_bytes))
        if name == "whole":  # decoded and kept whole
            held = max(held, piece_bytes * total / min(window, total))
        held = resident + ALLOCATOR * held
        duration = sum(count * seconds[one] for one, count in calls.items())
        duration += piece_seconds * total / min(window, total)
        frames, count = max(frames for frames, _ in calls), sum(calls.values())
        estimates.append(Estimate(name, settings.size, frames, count, held, duration))
    return estimates


def cached_frames(strategy: Strategy, total: int) -> int:
    """The latent frames that a strategy keeps in a cache while it makes the last of a video."""
    if not isinstance(strategy, Autoregressive) or not strategy.cached:
        return 0
    before = (total - 1) // strategy.chunk * strategy.chunk
    return min(before, strategy.sinks + strategy.context)


class Call:
    """One call of the network for a video, with the row that guidance adds.

    Args:
        pipe: the system.
        settings: of the video.
        frames: latent frames that are shown.
        past: latent frames before them that the network has in its cache.
    """

    def __init__(
        self, pipe: VideoPipeline, settings: Generation, frames: int, past: int = 0
    ) -> None:
        self.pipe, self.past = pipe, past
        prompts = [PROMPT] if settings.guidance_scale == 1 else [PROMPT, ""]
        self.conditions = Conditions(text=pipe.text(prompts))
        c, _, h, w = pipe.codec.latent_shape(settings.num_frames, *settings.size)
        self.shape = (len(prompts), c, frames, h, w)

    def cache(self) -> Cache | None:
        """What the network keeps of the past, or None where none is cached."""
        if not self.past:
            return None
        cache: Cache = {}
        size = self.shape[2]
        for start in range(0, self.past, size):
            self._ask(min(size, self.past - start), {"cache": cache})
        return cache

    def peak(self) -> int:
        """The most bytes that the call takes, the cache among them."""
        return peak_bytes(lambda: self(self.cache()), self.pipe.denoiser.parameters())

    def __call__(self, cache: Cache | None = None) -> None:
        # A copy of the cache: the next call sees the same past
        self._ask(self.shape[2], {} if cache is None else {"cache": dict(cache)})

    @torch.no_grad()
    def _ask(self, frames: int, options: dict[str, Cache]) -> None:
        b, c, _, h, w = self.shape
        x = torch.zeros(b, c, frames, h, w, device=self.pipe.device)
        t = torch.ones(b, frames, device=self.pipe.device)
        self.pipe.denoiser(x, t, self.conditions, **options)


@torch.no_grad()
def decode(pipe: VideoPipeline, settings: Generation, frames: int) -> None:
    c, _, h, w = pipe.codec.latent_shape(settings.num_frames, *settings.size)
    pipe.codec.decode(torch.zeros(1, c, frames, h, w, device=pipe.device), None, settings.size)


def decoding(pipe: VideoPipeline, settings: Generation, frames: int) -> tuple[int, float]:
    """Bytes and seconds of decoding a piece."""
    began = clock(pipe.device)
    decode(pipe, settings, frames)
    seconds = clock(pipe.device) - began
    codec = pipe.codec
    weights = [*codec.parameters(), *codec.buffers()] if isinstance(codec, nn.Module) else []
    return peak_bytes(lambda: decode(pipe, settings, frames), weights), seconds


def clock(device: torch.device) -> float:
    """Seconds, told when the device has done all that it was asked."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


LONGEST = 64  # latent frames: a longer call is not tried but extrapolated from this one


def timed(pipe: VideoPipeline, settings: Generation, frames: int, past: int = 0) -> float:
    """Seconds of a call; beyond LONGEST frames, grown with them from a call of so many."""
    call = Call(pipe, settings, min(frames, LONGEST), past)
    cache = call.cache()
    call(cache)  # the first prepares kernels
    began = clock(pipe.device)
    call(cache)
    return (clock(pipe.device) - began) * max(frames / LONGEST, 1)


def advice(estimates: Sequence[Estimate], memory: float) -> str:
    """What fits into `memory` bytes, and what to change where nothing does."""
    if all(e.bytes <= memory for e in estimates):
        return f"Everything fits into {gigabytes(memory)}."
    lines = []
    for size in dict.fromkeys(e.size for e in estimates):
        there = [e for e in estimates if e.size == size]
        fitting = [e for e in there if e.bytes <= memory]
        large = ", ".join(e.strategy for e in there if e not in fitting)
        place = f"At {size[0]}x{size[1]}"
        if fitting == there:
            lines.append(f"{place} everything fits into {gigabytes(memory)}.")
        elif fitting:
            best = min(fitting, key=lambda e: e.seconds)
            lines.append(
                f"{place} too large for {gigabytes(memory)}: {large}; {option(best.strategy)}, "
                f"{gigabytes(best.bytes)} and {duration(best.seconds)}."
            )
        else:
            least = min(there, key=lambda e: e.bytes)
            lines.append(
                f"{place} nothing fits into {gigabytes(memory)}: {least.strategy} needs "
                f"{gigabytes(least.bytes)}; choose a smaller size, or shorter windows."
            )
    return "\n".join(lines)


def option(strategy: str) -> str:
    """How to ask `kinema generate` for it."""
    return f"use --long {strategy}"


def gigabytes(size: float) -> str:
    return f"{size / 2**30:.2f} GiB"


def duration(seconds: float) -> str:
    """Seconds, minutes or hours."""
    if seconds < 100:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def rows(estimates: Sequence[Estimate], memory: float) -> list[list[str]]:
    """A header and a row for every estimate."""
    table = [["strategy", "size", "latent frames at once", "calls", "memory", "time", "fits"]]
    for e in estimates:
        fits = "yes" if e.bytes <= memory else "no"
        table.append(
            [e.strategy, f"{e.size[0]}x{e.size[1]}", str(e.frames), str(e.calls)]
            + [gigabytes(e.bytes), duration(e.seconds), fits]
        )
    return table
