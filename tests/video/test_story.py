import pytest

from kinema.errors import UserError
from kinema.video.story import parse_story


def test_a_prompt_is_a_story_of_one_part():
    for prompt in ("a red ball rolls", "at 9: it stops", "a clock: 12 hours"):
        assert parse_story(prompt) == [(0, prompt)]


def test_the_parts_of_a_story():
    assert parse_story("0: a red ball rolls; 120 : a blue cube: it spins;") == [
        (0, "a red ball rolls"),
        (120, "a blue cube: it spins"),
    ]


@pytest.mark.parametrize("prompt", ["5: late", "0: a; 0: b", "0: a; 9: b; 3: c"])
def test_parts_go_up_from_0(prompt):
    with pytest.raises(UserError, match="begin at frame 0 and go up"):
        parse_story(prompt)


@pytest.mark.parametrize("prompt", ["0: a; then b", "0: a; 7:"])
def test_a_part_without_frame_or_words(prompt):
    with pytest.raises(UserError, match="is not `FRAME: PROMPT`"):
        parse_story(prompt)
