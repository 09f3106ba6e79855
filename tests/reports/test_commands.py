import shlex

import pytest

from kinema.reports.commands import command_line, typed


def test_a_command_names_all_that_was_asked():
    asked = {"files": ["a b.mp4", "c.mp4"], "models": (), "num_steps": None, "planar": True,
             "num_clips": 8, "quiet": False, "noise": 0.5}  # fmt: skip
    line = command_line("kinema probe x", asked)
    assert (
        line
        == "kinema probe x 'a b.mp4' c.mp4 --planar true --num-clips 8 --quiet false --noise 0.5"
    )


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ((8, 16), "[8,16]"),
        (["runs/a", "b-2"], "[runs/a,b-2]"),
        (["the recipe", "width 64"], '["the recipe","width 64"]'),
        (["a,b"], '["a,b"]'),
        (1e-05, "1e-05"),
        (0, "0"),
    ],
)
def test_a_shell_gives_the_value_back(value, word):
    assert typed(value) == word
    assert shlex.split(command_line("x", {"a_b": value})) == ["x", "--a-b", word]
