import numpy as np

from kinema.probes.drift.report import markdown, mean_and_interval, print_table


def test_a_mean_and_its_interval():
    mean, low, high = mean_and_interval(np.array([1.0, 3.0, np.nan]))
    assert (mean, low, high) == (2, 1, 3)
    assert np.isnan(mean_and_interval(np.array([np.nan]))).all()


def test_tables(capsys):
    rows = [["", "a"], ["b", "1"]]
    assert markdown(rows) == "|  | a |\n|---|---|\n| b | 1 |"
    print_table("a table", rows)
    assert capsys.readouterr().out.split() == ["a", "table", "a", "b", "1"]
