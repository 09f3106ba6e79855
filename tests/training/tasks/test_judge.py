import json

import numpy as np
import pytest
import torch

from kinema.clips import to_frames
from kinema.errors import UserError
from kinema.judges import tabletop as judge
from kinema.judges.tabletop.questions import VOCABULARY
from kinema.training.tasks import judge as training


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "judge"
    run = training.JudgeRun(str(folder), 8, num_epochs=1, batch_size=4, num_unseen=4)
    scores = run.train()
    return folder, scores


def test_a_trained_judge_can_be_loaded_and_reads(trained):
    folder, scores = trained
    assert json.loads((folder / "scores.json").read_text()) == scores
    assert list(scores) == list(VOCABULARY)
    verdict = judge.read(judge.load(folder), [np.zeros((3, 64, 64, 3), np.uint8)])[0]
    assert all(verdict[question] in VOCABULARY[question] for question in VOCABULARY)


def test_nothing_half_written_is_left(trained):
    folder, _ = trained
    assert [path.name for path in folder.parent.iterdir()] == ["judge"]


def test_a_judge_of_another_world_is_refused(tmp_path):
    judge.JudgeNetwork(judge.JudgeConfig({"color": ["red"]})).save_pretrained(str(tmp_path))
    with pytest.raises(UserError, match="another world"):
        judge.load(tmp_path)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(UserError, match="No judge"):
        judge.load(tmp_path)


def test_the_learning_rate_warms_up_and_ends_at_zero():
    rates = [training.rate_at(p) for p in (0.0, 0.01, 0.03, 0.5, 1.0)]
    assert rates[0] == 0 and rates[1] < rates[2] and rates[2] > rates[3] > rates[4]
    assert rates[4] == pytest.approx(0, abs=1e-9)


def test_an_epoch_shows_every_clip_once_and_mirrors_words_with_pictures(monkeypatch):
    monkeypatch.setattr(training, "degrade", lambda frames, generator: frames)
    left = VOCABULARY["direction"].index("left")
    right = VOCABULARY["direction"].index("right")
    frames = torch.zeros(8, 9, 64, 64, 3, dtype=torch.uint8)
    frames[:, :, :, :32] = 255  # bright on the left
    frames[:, :, 0, 0, 0] = torch.arange(8, dtype=torch.uint8)[:, None]  # which clip it is
    frames[:, :, 0, 63, 0] = torch.arange(8, dtype=torch.uint8)[:, None]
    answers = torch.zeros(8, len(VOCABULARY), dtype=torch.long)
    answers[:, list(VOCABULARY).index("direction")] = left
    examples, generator = training.Examples(frames, answers), torch.Generator().manual_seed(0)
    seen = []
    run = training.JudgeRun(batch_size=4)
    for step in (0, 1):
        shown, words = training.draw_batch(examples, step, run, generator)
        bright_left = shown[:, 0, 0, 32, 0] > 0
        said = words[:, list(VOCABULARY).index("direction")]
        assert torch.equal(said, torch.where(bright_left, left, right))
        seen += to_frames(shown)[:, 0, 0, 0, 0].tolist()
    assert sorted(seen) == list(range(8))
