import torch

from kinema.video.progress import step_bar, steps_of


def test_nothing_is_printed_where_nobody_watches(capfd):
    for shown in (True, False):
        with step_bar(3, shown) as advance:
            for _ in range(3):
                advance()
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""


def test_a_bar_on_a_terminal(capfd, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    with step_bar(3, shown=True) as advance:
        advance()
        advance()
    assert "2/3" in capfd.readouterr().err


def test_the_bar_moves_with_the_calls_of_a_network(capfd, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    network = torch.nn.Identity()
    with steps_of(network, 4, shown=True):
        for _ in range(3):
            network(1)
    assert "3/4" in capfd.readouterr().err
    assert not network._forward_hooks
