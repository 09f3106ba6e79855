import argparse

import pytest

from kinema.commands.parser import (
    Parser,
    announce,
    chosen,
    dashed,
    device_named,
    size,
)
from kinema.errors import UserError
from kinema.fields import Count


def parser() -> Parser:
    made = Parser("kinema x", "what it does", "kinema x a")
    made.add_argument("prompt", metavar="PROMPT", help="what to show")
    group = made.add_argument_group("Video")
    group.add_argument("--num-frames", type=Count, default=9, metavar="N", help="how many")
    group.add_argument("-o", "--output", metavar="FILE", help="where")
    return made


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["a", "--num-frame", "3"], "has no option --num-frame; did you mean '--num-frames'?"),
        (["a", "--num_frame", "3"], "did you mean '--num-frames'"),
        (["a", "red", "ball"], "put the prompt in quotes"),
        (
            ["a", "--num-frames", "x"],
            "--num-frames takes a whole number, not x (see kinema x --help).",
        ),
        (["a", "--num-frames", "0"], "--num-frames is 0, and must be 1 or more (see"),
        (["a", "--num-frames"], "--num-frames expected one argument (see"),
        (["a", "-o", ""], "--output is '', and must be a name (see"),
        ([], "PROMPT"),
    ],
)
def test_errors_are_sentences(argv, said):
    with pytest.raises(UserError) as caught:
        parser().parse_args(argv)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_underscores_and_dashes_are_one():
    for word in ("--num_frames=8", "--num-frames=8"):
        assert parser().parse_args(["a_b", word]) == argparse.Namespace(
            prompt="a_b", num_frames=8, output=None
        )
    assert dashed("-n") == "-n" and dashed("a_b") == "a_b"
    assert dashed("--a_b=c_d") == "--a-b=c_d"


def test_help_is_a_page(capsys):
    with pytest.raises(SystemExit) as end:
        parser().parse_args(["--help"])
    text = capsys.readouterr().out
    assert end.value.code == 0 and "kinema x PROMPT [OPTIONS]" in text and "What it does." in text
    assert "--num-frames N" in text and "(default 9)" in text and "Examples" in text


def test_chosen_lists_or_takes(capsys):
    offered = {"tabletop": "a world", "discs": "another"}
    assert chosen("train", "recipe", ["discs", "--a", "1"], offered) == ("discs", ["--a", "1"])
    for argv in ([], ["--list"], ["--help"]):
        assert chosen("train", "recipe", argv, offered) == (None, [])
    assert capsys.readouterr().out.count("another") == 3
    with pytest.raises(UserError, match="no recipe 'disc'; did you mean 'discs'"):
        chosen("train", "recipe", ["disc"], offered)


def test_a_size_is_a_side_or_two():
    assert size("64") == 64 and size("32x48") == (32, 48)
    for text in ("1x2x3", "x", "", "-8", "64x0", "1000000000", "6.5"):
        with pytest.raises(argparse.ArgumentTypeError):
            size(text)


def test_what_begins_is_announced_unless_a_page_is_asked_for(caplog):
    with caplog.at_level("INFO", "kinema"):
        for argv in (["x", "--help"], ["x", "--print_config"], ["--help=loop"], ["--list"]):
            announce(argv, "Loading.")
        assert caplog.messages == []
        announce(["x", "--seed", "1"], "Loading.")
    assert caplog.messages == ["Loading."]


def test_a_device_that_is_not_there_is_refused():
    assert device_named("cpu") == "cpu" and device_named("auto") in ("cpu", "cuda")
    with pytest.raises(UserError, match="no device 'gpu' here"):
        device_named("gpu")
