import numpy as np
import pytest

from kinema.codecs import CausalVAE
from kinema.video.system import find
from kinema.worlds import Rendering, tabletop
from studies.ladder.arms import Track
from studies.ladder.scoring import (
    ESTIMATED,
    EXACT,
    FLICKER,
    LIKENESS,
    MOTION,
    REMADE_MOTION,
    SUBJECT,
    drift_over_lag,
    prompts_followed,
    score_free,
    score_remade,
    true_scenes,
)


@pytest.fixture(scope="module")
def clips():
    return tabletop.render([4, 5, 6], Rendering(9, 64, fps=8, truth=True))


def total(clips, spoil) -> dict[str, float]:
    """Scores of the clips after `spoil`, summed; of made again and of free."""
    rows = [
        {**score_remade(spoil(clip.frames), clip)[0], **score_free(spoil(clip.frames))}
        for clip in clips
    ]
    return {name: sum(row[name] for row in rows) for name in rows[0]}


def frozen(frames):
    return np.repeat(frames[:1], len(frames), axis=0)


def noisy(frames):
    rng = np.random.default_rng(0)
    return (frames + rng.integers(-20, 21, frames.shape)).clip(0, 255).astype(np.uint8)


def test_true_clips_follow_their_own_flow_and_spoiled_ones_do_not(clips):
    true, still, shaken = (total(clips, spoil) for spoil in (lambda x: x, frozen, noisy))
    assert true[EXACT] < 0.2 * shaken[EXACT] and true[SUBJECT] < 0.5 * shaken[SUBJECT]
    assert shaken[LIKENESS] < true[LIKENESS]
    assert true[ESTIMATED] < 0.5 * shaken[ESTIMATED] and true[FLICKER] < shaken[FLICKER]
    # A frozen clip is perfect in all that knows no truth: hence the motion beside them
    assert still[ESTIMATED] == still[FLICKER] == 0
    assert still[MOTION] < 0.1 < true[MOTION] and still[REMADE_MOTION] < 0.1 < true[REMADE_MOTION]


def test_drift_is_the_change_of_an_objects_color_with_the_lag():
    frames = np.full((4, 8, 8, 3), 128, np.uint8)
    masks = np.zeros((4, 8, 8), np.uint8)
    for t in range(4):
        masks[t, :, t : t + 3] = 1
        frames[t, :, t : t + 3] = 60 + 30 * t
    curve = drift_over_lag(frames, masks)
    assert curve[0] == 0 and 0 < curve[1] < curve[2] < curve[3]
    frames[masks == 1] = 200
    assert drift_over_lag(frames, masks) == [0, 0, 0, 0]
    assert np.isnan(drift_over_lag(frames, 0 * masks)).all()


def test_the_judge_follows_true_clips_more_than_shuffled_ones():
    clips = tabletop.render(list(range(6)), Rendering(17, 64, fps=8))
    frames = np.stack([clip.frames for clip in clips])
    right = sum(prompts_followed(frames, clips, 8.0))
    assert right > sum(prompts_followed(frames, clips[1:] + clips[:1], 8.0))


def test_scenes_come_with_truth_and_floor():
    codec = CausalVAE.from_pretrained(find("tabletop") / "codec").eval()
    scenes = true_scenes(Track("", 3, 8.0), codec, 2, level=1, size=32)
    assert scenes.coded.shape == (2, 3, 32, 32, 3) and scenes.latents.shape[:3] == (2, 16, 3)
    assert scenes.clips[0].truth is not None and len(set(scenes.captions)) == 2
