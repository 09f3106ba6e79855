"""The probe on pipelines whose right scores are known: one that renders, one that ignores."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from kinema.errors import UserError
from kinema.probes.prompts import PromptProbe, measure_prompts, probe
from kinema.probes.prompts.probe import SPLITS
from kinema.worlds import Rendering, tabletop
from kinema.worlds.tabletop.paraphrases import rephrase

SYSTEM = SimpleNamespace(num_frames=9, size=(32, 32), fps=8.0)
PROBE = PromptProbe(num_prompts=3, level=2, num_consistency=2)


class Exact:
    """A codec that loses nothing."""

    factors = (1, 8, 8)

    def encode(self, frames):
        return frames

    def decode(self, latents, num_frames, size):
        assert latents.shape[2:] == (num_frames, *size)
        return latents


class Painter:
    """A pipeline that renders the very scene of a seed; single frames are noise."""

    system, codec, device = SYSTEM, Exact(), torch.device("cpu")

    def __call__(self, prompts, seed, num_frames=None, **options):
        if num_frames == 1:
            frames = [np.random.default_rng(s).integers(0, 256, (1, 32, 32, 3)) for s in seed]
        else:
            frames = [self.clip(*job) for job in zip(prompts, seed, strict=True)]
        return SimpleNamespace(frames=np.stack(frames).astype(np.uint8))

    def clip(self, prompt, seed):
        for split in SPLITS.values():
            scene = tabletop.sample_scene(seed, PROBE.level, split)
            if prompt in (scene.caption, rephrase(scene.attributes, np.random.default_rng(seed))):
                return tabletop.render([seed], Rendering(9, (32, 32), PROBE.level, split, 8))[
                    0
                ].frames
        raise AssertionError(f"no scene of seed {seed} is called {prompt!r}")


class Ignorer(Painter):
    """A pipeline that shows the same empty, frozen picture whatever it is asked."""

    def clip(self, prompt, seed):
        return np.full((9, 32, 32, 3), 128)


@pytest.fixture(scope="module")
def painted():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(probe, "AT_ONCE", 2)  # so that three prompts are more than a batch
        return measure_prompts(PROBE, Painter())


def test_a_perfect_model_scores_as_true_renders_do(painted):
    columns = painted.scores
    assert list(columns) == [
        "generated, seen",
        "generated, held out",
        "held out, other words",
        "true renders",
        "true, through codec",
        "random captions",
    ]
    for aspect, ceiling in columns["true renders"].items():
        both = [columns[f"generated, {name}"][aspect] for name in SPLITS]
        assert sum(share.right for share in both) == ceiling.right
        assert columns["true, through codec"][aspect] == ceiling
        assert ceiling.total == 6


def test_a_perfect_model_follows_other_words_as_well(painted):
    columns = painted.scores
    assert columns["held out, other words"] == columns["generated, held out"]


def test_a_perfect_model_is_as_clean_as_true_renders(painted):
    assert painted.clean["generated"] == painted.clean["true"] == painted.clean["codec"]


def test_random_captions_are_seldom_right(painted):
    assert painted.scores["random captions"]["all together"].right == 0


def test_a_perfect_model_is_at_the_floor_of_consistency(painted):
    assert painted.ratio.value == pytest.approx(0, abs=1e-6)
    kinds = painted.consistency
    assert kinds["generated"] == pytest.approx(kinds["true"])
    assert kinds["frame by frame"]["warping error"] > 5 * kinds["true"]["warping error"]


def test_a_model_that_ignores_prompts_shows_in_shares_and_in_motion():
    findings = measure_prompts(PROBE, Ignorer())
    assert all(findings.scores[f"generated, {s}"]["all together"].right == 0 for s in SPLITS)
    assert findings.ratio.value < 0, "frozen: better than true clips, so motion stands beside it"
    assert findings.consistency["generated"]["motion"] < 1e-3


def test_consistency_can_be_left_out():
    findings = measure_prompts(PromptProbe(num_prompts=2, num_consistency=0), Painter())
    assert findings.ratio is None and findings.consistency == {}


@pytest.mark.parametrize(
    "wrong",
    [{"num_prompts": 1}, {"level": 5}, {"num_consistency": -1}],
)
def test_impossible_wishes_are_refused(wrong):
    with pytest.raises(UserError):
        PromptProbe(**wrong)
