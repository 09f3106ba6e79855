from kinema.video.progress import step_bar


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
