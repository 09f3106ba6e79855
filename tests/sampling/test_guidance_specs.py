import pytest
import torch

from kinema.diffusion import PATHS
from kinema.errors import UserError
from kinema.sampling import (
    GUIDANCE,
    AdaptiveProjected,
    Autoguidance,
    Branches,
    ClassifierFree,
    History,
    PerCondition,
    ZeroStar,
    adaptive_projected,
    autoguidance,
    cfg_zero_star,
    classifier_free,
    guidance_named,
    history_guidance,
    noised_history,
    per_condition,
)

LINEAR, SCALE = PATHS["linear"], 3.0
X, COND, UNCOND, BAD, NOISE = torch.randn(
    5, 2, 3, 4, 4, 4, generator=torch.Generator().manual_seed(0)
)
T = torch.tensor([[0.0, 0.3, 0.6, 1.0]] * 2)


def seeing(x0):
    """A denoiser that leans on its first frame, and leaves given frames alone."""
    return lambda x, t: torch.where((t == 0)[:, None, :, None, None], x, x0 + 0.5 * x[:, :, :1])


cond, uncond, bad = map(seeing, (COND, UNCOND, BAD))
BRANCHES = Branches(cond, uncond, LINEAR, lambda x: NOISE, bad)
SPECS = {
    ClassifierFree((0.2, 0.8), rescale=0.5): classifier_free(cond, uncond, SCALE, (0.2, 0.8), 0.5),
    AdaptiveProjected(0.5, 2.0): adaptive_projected(cond, uncond, SCALE, 0.5, 2.0),
    ZeroStar(0.9): cfg_zero_star(cond, uncond, SCALE, LINEAR, 0.9),
    Autoguidance("worse", (0.2, 0.8)): autoguidance(cond, bad, SCALE, (0.2, 0.8)),
    History(2.0, 0.5): history_guidance(
        classifier_free(cond, uncond, SCALE), LINEAR, NOISE, 2.0, 0.5
    ),
    PerCondition(2.0): per_condition(
        [noised_history(uncond, LINEAR, NOISE, 1.0), uncond, cond], [2.0, SCALE]
    ),
}


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.kind)
def test_a_spec_is_its_function_with_the_branches_filled_in(spec):
    guided = spec(BRANCHES, SCALE)(X, T)
    torch.testing.assert_close(guided, SPECS[spec](X, T), rtol=0, atol=0)
    assert (guided - cond(X, T))[:, :, 1:].abs().max() > 0.1
    assert torch.equal(guided[:, :, 0], X[:, :, 0])


@pytest.mark.parametrize("kind", [ClassifierFree, ZeroStar])
def test_outside_of_its_interval_nothing_is_guided(kind):
    t = torch.full_like(T, 0.5)
    elsewhere, there = (kind(interval=i)(BRANCHES, SCALE)(X, t) for i in ((0.7, 0.8), (0.4, 0.6)))
    assert torch.equal(elsewhere, cond(X, t)) and not torch.equal(there, elsewhere)


def test_every_kind_is_tested_and_named_as_it_says():
    assert {spec.kind: type(spec) for spec in SPECS} == GUIDANCE


@pytest.mark.parametrize("spec", [History(scale=1.0), PerCondition(history_scale=1.0)])
def test_off_towards_the_history_it_is_classifier_free(spec):
    plain = classifier_free(cond, uncond, SCALE)(X, T)
    torch.testing.assert_close(spec(BRANCHES, SCALE)(X, T), plain)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.kind)
def test_calls_are_the_most_for_one_x0(spec):
    """Counted are calls that a network cannot take together, each of as many rows as it likes."""
    asked = []

    def counting(x, t):
        asked.append(x.shape[0])
        return x

    joint = spec.kind in ("classifier-free", "adaptive-projected", "zero-star")
    other = Branches(counting, counting, LINEAR, lambda x: NOISE, lambda x, t: x)
    spec(other, SCALE)(X, T)
    assert len(asked) == (2 if joint else spec.calls * (2 if spec.kind == "history" else 1))


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("classifier-free", ClassifierFree()),
        ("adaptive_projected:eta=0.5,interval=[0.2,0.9]", AdaptiveProjected(0.5, None, (0.2, 0.9))),
        ("adaptive-projected: max_norm = 3", AdaptiveProjected(max_norm=3)),
        ("autoguidance:model=./runs/a=b.c", Autoguidance("./runs/a=b.c")),
        ("history:scale=2,level=0.5", History(2, 0.5)),
        (ZeroStar(0.5), ZeroStar(0.5)),
        ({"kind": "per-condition", "history_scale": 2.0}, PerCondition(2.0)),
    ],
)
def test_a_spec_by_its_name(text, spec):
    assert guidance_named(text) == spec


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("clasifier", "'clasifier' is unknown.*'classifier-free'"),
        ("history:scala=2", "no option 'scala'.*'scale'"),
        ("history:scale", "scale takes a number"),
        ("history:scale=nan", "scale takes a number, not nan"),
        ("history:level=0", "level is 0.0, and must be from 1e-06 to 1"),
        ("adaptive-projected:max_norm=-1", "max_norm is -1"),
        ("zero-star:interval=0.5", "interval takes a list of numbers"),
        ("zero-star:interval=[0.5,0.2]", "that go up"),
        ("autoguidance", "needs a worse system"),
    ],
)
def test_mistakes_are_told(text, said):
    with pytest.raises(UserError, match=said):
        guidance_named(text)
