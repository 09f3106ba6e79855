"""What --help prints: every option once, the ones that matter first, parts on request."""

import re
from dataclasses import dataclass, field

import pytest

from kinema import help_pages
from kinema.errors import UserError
from kinema.fields import tree_of
from kinema.options import read_options


@dataclass
class World:
    """Rendered clips."""

    level: int = 1  # how hard


@dataclass
class Folder:
    """Clips on disk."""

    where_they_are: str = "clips"  # a path


@dataclass
class Loop:
    """How to train."""

    # the learning rate, which may
    # be written 3e-4
    rate: float = 1e-3
    batch_size: int = 4  # clips a step


@dataclass
class Run:
    """A run.

    It is longer than that.
    """

    folder: str = "runs"  # receives everything
    prompts: tuple[str, ...] = ("a ball " * 20, "b")  # what to show
    data: World | Folder = field(default_factory=World)  # what to learn from
    loop: Loop = field(default_factory=Loop)  # how long


def page(capsys, *argv: str) -> str:
    first = ("folder", "loop.rate", "unheard.of")
    assert read_options("kinema train x", Run(), argv, first) is None
    return capsys.readouterr().out


def flags(text: str) -> list[str]:
    return re.findall(r"^ +(--[\w.-]+)", text.split("--config")[0], re.M)


def test_what_matters_stands_first_and_parts_last(capsys):
    text = page(capsys, "--help")
    assert flags(text)[:5] == ["--folder", "--loop.rate", "--prompts", "--data", "--loop.FIELD"]
    assert text.index("What matters most") < text.index("The others") < text.index("Parts")
    assert "It is longer" not in text and "(World or Folder; --help data)" in " ".join(text.split())
    assert "batch-size" not in text and "..." in text  # the long default is shortened


def test_a_part_is_listed_on_request(capsys):
    text = page(capsys, "--help", "loop")
    assert flags(text) == ["--loop.rate", "--loop.batch-size"] and "(default 4)" in text


def test_every_kind_of_a_part_is_listed_the_present_one_first(capsys):
    assert flags(page(capsys, "--help", "data")) == ["--data.level", "--data.where-they-are"]
    text = page(capsys, "--data.where_they_are", "there", "--help=data")
    assert flags(text) == ["--data.where-they-are", "--data.level"] and "(default there)" in text


def test_all_lists_every_option(capsys):
    text = page(capsys, "--help", "all")
    every = [help_pages.dashed(name) for name in ("folder", "prompts", "data", "data.level")]
    assert {f"--{name}" for name in every} < set(flags(text))
    assert "--data.where-they-are" in text and "--loop.batch-size" in text


def test_a_ready_made_value_is_named_as_an_example(capsys):
    named = {"data": {"far-away": Folder("far")}, "gone": {"x": 1}}
    assert read_options("kinema train x", Run(), ["--help"], named=named) is None
    assert "Or a name such as far-away." in " ".join(capsys.readouterr().out.split())


def test_an_unknown_part_is_refused(capsys):
    with pytest.raises(UserError, match="no part 'lop'; did you mean 'loop'"):
        page(capsys, "--help", "lop")


def test_a_function_is_one_list(capsys):
    def measure(model: str = "tabletop", *, count: int = 8) -> None:
        """Measure a model.

        Args:
            model: which one.
            count: how many clips.
        """

    assert read_options("kinema probe x", measure, ["-h"]) is None
    text = capsys.readouterr().out
    assert flags(text) == ["--model", "--count"] and "PART" not in text
    assert "Measure a model." in text and "how many clips. (default 8)" in text


def test_every_row_says_something():
    groups = list(help_pages.groups_of(Run, tree_of(Run())))
    assert all(row.text for group in groups for row in group.rows.values())
    assert [group.path for group in groups] == ["", "data", "data", "loop"]


@dataclass
class LongLoop(Loop):
    """How to train for long."""

    batch_size: int = 8  # is it large?
    num_epochs: int = 1


def test_what_a_field_is_stands_behind_it_or_above_it_also_where_it_is_inherited():
    assert help_pages.documentation(LongLoop) == {
        "rate": "the learning rate, which may be written 3e-4.", "batch_size": "is it large?"
    }  # fmt: skip


def test_what_an_argument_is_stands_in_the_docstring():
    def measure(count: int, name: str) -> None:
        """Measure.

        Args:
            count: how many,
                at least 1.
            name: of all.

        Raises:
            UserError: never.
        """

    texts = {"count": "how many, at least 1.", "name": "of all."}
    assert help_pages.documentation(measure) == texts


def test_a_page_shows_brackets_as_they_are(capsys):
    rows = {"": [help_pages.Row("--sizes", "such as [1,2]", "[64]")]}
    help_pages.print_page("kinema x [OPTIONS]", "It does.", rows, "kinema x\nkinema y", "More.")
    text = capsys.readouterr().out
    assert "kinema x [OPTIONS]" in text and "such as [1,2] (default [64])" in text
    assert "Examples\n  kinema x\n  kinema y\n" in text
