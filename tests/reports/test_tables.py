from kinema.reports.tables import Table, markdown, print_table

ROWS = [["", "a"], ["b", "1"]]


def test_markdown():
    assert markdown(ROWS) == "|  | a |\n|---|---|\n| b | 1 |"
    assert markdown([["a|b.mp4"]]).splitlines()[0] == "| a\\|b.mp4 |"


def test_what_is_printed_is_not_wrapped_and_not_taken_for_markup(capsys):
    print_table("a table [bold]", [["", "[red]"], ["b", "x" * 300]])
    title, header, row = capsys.readouterr().out.splitlines()
    assert title.strip() == "a table [bold]" and header.split() == ["[red]"]
    assert row.split() == ["b", "x" * 300]


def test_a_table_has_its_title_and_its_note_on_the_page_only(capsys):
    assert Table("T", ROWS, "A note.").markdown() == f"## T\n\nA note.\n\n{markdown(ROWS)}"
    assert Table("", ROWS).markdown() == markdown(ROWS)
    Table("T", ROWS, "A note.").show()
    assert capsys.readouterr().out.split() == ["T", "a", "b", "1"]
