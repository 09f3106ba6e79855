from kinema.reports.tables import command, markdown, print_table


def test_tables(capsys):
    rows = [["", "a"], ["b", "1"]]
    assert markdown(rows) == "|  | a |\n|---|---|\n| b | 1 |"
    print_table("a table", rows)
    assert capsys.readouterr().out.split() == ["a", "table", "a", "b", "1"]


def test_a_command_names_all_that_was_asked():
    asked = {"models": (), "world": "box", "lengths": (8, 16), "num_steps": None}
    assert command("drift", asked) == "kinema probe drift --world box --lengths [8,16]"
