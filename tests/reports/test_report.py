import json
import shlex

import numpy as np
import pytest

from kinema.errors import UserError
from kinema.reports import Picture, Report, Table, check_page
from kinema.reports.report import command_line, json_values, markdown, typed

TABLE = Table("T", [["", "a"], ["b", "1"]], "What a is.")
PICTURE = Picture("a dot", lambda: b"dot", "Seen", "It is black.", "-dot")


def report(*parts, record=None):
    return Report("What?", "kinema probe x --seed 1", "How.", parts, record)


def test_a_page_is_its_parts_in_order(tmp_path):
    assert report(TABLE, "A sentence.", PICTURE).page(tmp_path / "p.md") == (
        "# What?\n\n`kinema probe x --seed 1 --report p.md`\n\nHow.\n\n"
        "## T\n\nWhat a is.\n\n|  | a |\n|---|---|\n| b | 1 |\n\nA sentence.\n\n"
        "## Seen\n\n![a dot](p-dot.png)\n\nIt is black.\n"
    )


def test_the_terminal_has_tables_sentences_and_the_command(capsys):
    report(TABLE, "A sentence.", PICTURE).show()
    printed = capsys.readouterr().out
    assert [word for word in printed.split() if word in ("T", "sentence.", "kinema")]
    assert printed.endswith("A sentence.\n\nkinema probe x --seed 1\n")
    assert "How." not in printed and "What a is." not in printed and "dot" not in printed


def test_everything_lies_beside_the_page(tmp_path, capsys):
    page = tmp_path / "new" / "p.md"
    report(PICTURE, record={"x": (1, float("nan"))}).publish(str(page))
    assert capsys.readouterr().out.splitlines()[-3:] == [
        f"wrote {page.with_name(name)}" for name in ("p.md", "p.json", "p-dot.png")
    ]
    assert page.with_name("p-dot.png").read_bytes() == b"dot"
    assert json.loads(page.with_name("p.json").read_text()) == {"x": [1, None]}
    assert report().write(tmp_path / "q.md") == [tmp_path / "q.md"]


def test_nothing_is_written_if_a_picture_fails(tmp_path):
    def fail():
        raise UserError("no picture")

    with pytest.raises(UserError, match="no picture"):
        report(PICTURE, Picture("another", fail), record=1).write(tmp_path / "p.md")
    assert not list(tmp_path.iterdir())


def test_no_page_no_files(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    report(PICTURE, record=1).publish(None)
    assert not list(tmp_path.iterdir()) and "wrote" not in capsys.readouterr().out


@pytest.mark.parametrize(("name", "words"), [("p.png", "end in .md"), ("p.json", "end in .md"),
                                             ("", "it is a folder")])  # fmt: skip
def test_a_page_that_cannot_be_written_is_told_first(tmp_path, name, words):
    with pytest.raises(UserError, match=words):
        check_page(tmp_path / name)
    check_page(None)
    check_page(tmp_path / "new" / "p.md")
    assert not list(tmp_path.iterdir())


def test_json_has_no_numbers_of_numpy_and_none_that_are_not_finite():
    values = {"a": [np.float32(0.5), float("inf"), np.int64(3)], "b": (True, "x", None)}
    assert json_values(values) == {"a": [0.5, None, 3], "b": [True, "x", None]}
    json.dumps(json_values(values))
    assert json_values({8: TABLE, "c": np.array([[1.0, np.nan]])}) == {
        "8": {"title": "T", "rows": [["", "a"], ["b", "1"]], "note": "What a is."},
        "c": [[1.0, None]],
    }


ROWS = [["", "a"], ["b", "1"]]


def test_markdown():
    assert markdown(ROWS) == "|  | a |\n|---|---|\n| b | 1 |"
    assert markdown([["a|b.mp4"]]).splitlines()[0] == "| a\\|b.mp4 |"


def test_what_is_printed_is_not_wrapped_and_not_taken_for_markup(capsys):
    Table("a table [bold]", [["", "[red]"], ["b", "x" * 300]]).show()
    title, header, row = capsys.readouterr().out.splitlines()
    assert title.strip() == "a table [bold]" and header.split() == ["[red]"]
    assert row.split() == ["b", "x" * 300]


def test_a_table_has_its_title_and_its_note_on_the_page_only(capsys):
    assert Table("T", ROWS, "A note.").markdown() == f"## T\n\nA note.\n\n{markdown(ROWS)}"
    assert Table("", ROWS).markdown() == markdown(ROWS)
    Table("T", ROWS, "A note.").show()
    assert capsys.readouterr().out.split() == ["T", "a", "b", "1"]


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
