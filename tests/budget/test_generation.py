from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

import kinema
from kinema.blocks.attention import Causal
from kinema.budget import Buckets, Estimate, generation, plan_generation, run
from kinema.budget.generation import advice, duration, rows
from kinema.codecs import Pixels
from kinema.conditions import NoText
from kinema.denoisers import DiT, DiTConfig
from kinema.errors import UserError
from kinema.video import STRATEGIES, System, VideoPipeline

pytestmark = pytest.mark.filterwarnings("ignore:This model was trained at")
GIB = 2**30


@pytest.fixture(scope="module")
def pipe():
    pipe = kinema.load("tabletop")
    pipe.denoiser = DiT(replace(pipe.denoiser.config, depth=2))  # its layers are alike
    return pipe


@pytest.fixture(scope="module")
def estimates(pipe):
    return plan_generation(pipe, Buckets(num_frames=45, sizes=(16, 32), num_steps=2))


def found(estimates, strategy, side):
    return next(e for e in estimates if (e.strategy, e.size) == (strategy, (side, side)))


def test_every_strategy_at_every_size(estimates):
    assert len(estimates) == 2 * len(STRATEGIES)
    assert all(e.bytes > 0 and e.seconds > 0 for e in estimates)


def test_windows_see_and_cost_what_their_strategy_says(estimates):
    whole, sliding = (found(estimates, name, 32) for name in ("whole", "sliding"))
    assert (whole.frames, whole.calls) == (12, 2)  # 45 frames are 12 latent ones
    assert (sliding.frames, sliding.calls) == (9, 4)  # 9, then 6 new ones


def test_small_windows_and_pictures_take_less(estimates):
    assert found(estimates, "sliding", 32).bytes < found(estimates, "whole", 32).bytes
    assert found(estimates, "whole", 16).bytes < found(estimates, "whole", 32).bytes


def test_advice_names_what_fits(estimates):
    most = max(e.bytes for e in estimates)
    assert advice(estimates, most) == f"Everything fits into {most / GIB:.2f} GiB."
    whole = found(estimates, "whole", 32)
    told = advice(estimates, whole.bytes - 1)
    assert "At 16x16 everything fits" in told
    assert "At 32x32 too large for" in told and ": whole" in told and "use --long " in told
    assert "nothing fits" in advice(estimates, 0)
    assert rows(estimates, most)[1][-1] == "yes" and rows(estimates, 0)[1][-1] == "no"


def test_advice_names_the_fastest_that_fits():
    small, large = (
        Estimate(name, (32, 32), 9, 1, size, 1.0) for name, size in (("whole", GIB), ("blend", 3e9))
    )
    told = advice([small, large], 2 * GIB)
    assert "too large for 2.00 GiB: blend; use --long whole, 1.00 GiB and 1.0 s" in told


def test_long_calls_grow_from_the_longest_that_is_timed(monkeypatch):
    clock = [0.0]

    class Quadratic:
        def __init__(self, pipe, settings, frames, past):
            self.frames = frames

        def cache(self):
            return None

        def __call__(self, cache):
            clock[0] += self.frames**2

    monkeypatch.setattr(generation, "Call", Quadratic)
    monkeypatch.setattr(generation, "clock", lambda device: clock[0])
    seconds = [generation.timed(SimpleNamespace(device=None), None, n) for n in (8, 64, 256)]
    assert seconds == [8**2, 64**2, 4 * 64**2]


def test_a_cached_chunk_is_timed_with_its_past():
    config = DiTConfig(
        channels=3, dim=32, depth=1, num_heads=2, patch=(1, 8, 8), text_dim=0, attention=Causal()
    )
    # Of a window of 8 frames 3 are new, and the cache holds the other 5
    system = System(num_frames=8, size=(16, 16), num_steps=1, guidance_scale=1.0, overlap=3)
    pipe = VideoPipeline(DiT(config), Pixels(), NoText(), system)
    seen = []

    def look(denoiser, given, options):
        before = options.get("cache", {}).get(denoiser, 0)
        seen.append((given[0].shape[2], before))

    pipe.denoiser.register_forward_pre_hook(look, with_kwargs=True)
    estimates = plan_generation(pipe, Buckets(num_frames=20, sizes=(16,)))
    assert (3, 5) in seen
    assert found(estimates, "autoregressive", 16).frames == 3


def test_a_video_is_planned_for_the_device_that_makes_it(monkeypatch):
    class Moved(Exception):
        pass

    def move(pipe, place):
        raise Moved(place)

    monkeypatch.setattr(VideoPipeline, "to", move)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    for device, place in ((None, "cuda"), ("cpu", "cpu")):
        with pytest.raises(Moved, match=place):
            run(Buckets(device=device))


def test_a_clock_waits_for_the_device(monkeypatch):
    waited = []
    monkeypatch.setattr("torch.cuda.synchronize", waited.append)
    generation.clock(torch.device("cpu"))
    assert waited == []
    generation.clock(torch.device("cuda"))
    assert waited == [torch.device("cuda")]


def test_durations_in_words():
    assert [duration(s) for s in (3, 600, 9000)] == ["3.0 s", "10.0 min", "2.5 h"]


def test_no_sizes(pipe):
    with pytest.raises(UserError, match="at least one size"):
        plan_generation(pipe, Buckets(num_frames=9, sizes=()))
