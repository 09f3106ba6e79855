import time

import pytest

from kinema.training import waiting
from kinema.training.waiting import telling


@pytest.fixture(autouse=True)
def _every_twentieth_of_a_second(monkeypatch):
    monkeypatch.setattr(waiting, "NEXT_LINE", 0.05)


def test_a_short_wait_is_silent(capsys):
    with telling("Waiting."):
        time.sleep(0.05)
    assert capsys.readouterr().err == ""


def test_a_long_wait_says_what_it_is_for_and_how_far_it_is(capsys):
    done = []
    with telling(lambda: f"{len(done)} are done.", first=0.05):
        time.sleep(0.3)
        done.append(1)
        time.sleep(0.3)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "0 are done." and lines[-1] == "1 are done." and len(lines) > 3


def test_the_wait_ends_with_an_error(capsys):
    with pytest.raises(RuntimeError), telling("Waiting.", first=0.05):
        raise RuntimeError
    time.sleep(0.1)
    assert capsys.readouterr().err == ""


def test_one_process_of_several_speaks(capsys, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    with telling("Waiting.", first=0.01):
        time.sleep(0.1)
    assert capsys.readouterr().err == ""
