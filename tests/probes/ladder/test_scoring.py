import numpy as np
import pytest

from kinema.codecs import CausalVAE
from kinema.probes.ladder.arms import Track
from kinema.probes.ladder.scoring import (
    DRIFT,
    ESTIMATED,
    EXACT,
    FLICKER,
    MOTION,
    REMADE_MOTION,
    SUBJECT,
    prompts_followed,
    score_free,
    score_remade,
    true_scenes,
)
from kinema.video.system import find
from kinema.worlds import tabletop


@pytest.fixture(scope="module")
def clip():
    return tabletop.render([4], 9, 64, fps=8, truth=True)[0]


def test_a_true_clip_follows_its_own_flow_and_noise_does_not(clip):
    rng = np.random.default_rng(0)
    noisy = clip.frames + rng.integers(-20, 21, clip.frames.shape)
    true, flickering = (
        score_remade(clip.frames, clip),
        score_remade(noisy.clip(0, 255).astype(np.uint8), clip),
    )
    assert true[EXACT] < 2 and flickering[EXACT] > true[EXACT] + 8
    assert flickering[SUBJECT] > true[SUBJECT] + 8


def test_an_object_left_behind_is_an_error_of_the_subject(clip):
    still = np.repeat(clip.frames[:1], len(clip.frames), axis=0)
    true, frozen = score_remade(clip.frames, clip), score_remade(still, clip)
    assert frozen[SUBJECT] > 2 * true[SUBJECT]
    assert frozen[REMADE_MOTION] < 0.1 < true[REMADE_MOTION]


def test_a_frozen_clip_is_perfect_in_all_but_motion(clip):
    still = np.repeat(clip.frames[:1], len(clip.frames), axis=0)
    scores, curve = score_free(still)
    assert scores[ESTIMATED] == scores[FLICKER] == scores[DRIFT] == 0 and scores[MOTION] < 0.1
    assert len(curve) == len(still) and score_free(clip.frames)[0][MOTION] > 0.5


def test_the_judge_follows_true_clips_more_than_shuffled_ones():
    clips = tabletop.render(list(range(6)), 17, 64, fps=8)
    frames = np.stack([clip.frames for clip in clips])
    right = sum(prompts_followed(frames, clips, 8.0))
    assert right > sum(prompts_followed(frames, clips[1:] + clips[:1], 8.0))


def test_scenes_come_with_truth_and_floor():
    codec = CausalVAE.from_pretrained(find("tabletop") / "codec").eval()
    scenes = true_scenes(Track("", 3, 8.0), codec, 2, level=1, size=32)
    assert scenes.coded.shape == (2, 3, 32, 32, 3) and scenes.latents.shape[:3] == (2, 16, 3)
    assert scenes.clips[0].truth is not None and len(set(scenes.captions)) == 2
