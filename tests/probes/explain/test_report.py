"""Shares and figures of the report, from clips whose figures are given."""

import numpy as np
import pytest

from kinema.judges.synthesis import Figures
from kinema.probes.explain.probe import Explained
from kinema.probes.explain.report import asked_table, left_table, words

READ = {
    "color": "red", "shape": "ball", "action": "rolls", "direction": "left", "camera": "still",
    "second_color": "blue", "second_shape": "cube", "second_action": "none",
    "second_direction": "none",
}  # fmt: skip


def clip(contact, back, psnr=30.0, **asked):
    figures = Figures(psnr, 0.9, 2, contact, back, 0.01, READ)
    frames = np.zeros((1, 8, 8, 3), np.uint8)
    return Explained("a prompt", {**READ, "relation": "into", **asked}, figures, frames, frames)


@pytest.fixture
def columns():
    return {"generated": [clip(True, None), clip(False, True, 20.0, shape="cone")]}


def test_a_share_counts_the_clips_that_show_what_was_asked(columns):
    rows = {row[0]: row[1] for row in asked_table(columns)[1:]}
    assert rows["subject color"].startswith("100 ") and rows["subject shape"].startswith("50 ")
    assert rows["all together"].startswith("50 ")


def test_a_question_that_no_prompt_answers_has_no_share(columns):
    for one in columns["generated"]:
        del one.asked["camera"]
    rows = {row[0]: row[1] for row in asked_table(columns)[1:]}
    assert rows["camera"] == "-"


def test_what_is_left_over_is_counted_over_the_clips_that_have_it(columns):
    rows = {row[0]: row[1] for row in left_table(columns)[1:]}
    assert rows["best render, dB"].startswith("25.0 ")
    assert rows["contact that was asked for, %"].startswith("50 ")
    assert rows["seen again, %"] == "100 (21-100), n = 1"
    assert rows["as many objects as asked, %"].startswith("100 ")


def test_a_clip_is_told_in_words():
    assert words(clip(True, None)) == (
        "fit: red ball rolls left; blue cube none; camera still -- 30.0 dB, silhouettes 0.90"
    )
