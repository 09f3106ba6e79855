import numpy as np
import pytest

from kinema.probes.drift.report import markdown, mean_and_half, print_table


def test_a_mean_and_its_interval():
    mean, half = mean_and_half(np.array([1.0, 3.0, np.nan]))
    assert mean == 2 and half == pytest.approx(1.96 * 2**0.5 / 2**0.5)
    assert np.isnan(mean_and_half(np.array([np.nan]))[0])


def test_tables(capsys):
    rows = [["", "a"], ["b", "1"]]
    assert markdown(rows) == "|  | a |\n|---|---|\n| b | 1 |"
    print_table("a table", rows)
    assert capsys.readouterr().out.split() == ["a", "table", "a", "b", "1"]
