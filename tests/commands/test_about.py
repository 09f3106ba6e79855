import kinema
from kinema import cli


def run(capsys, *argv: str) -> tuple[int, str, str]:
    status = cli.main([*argv])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_info_and_denoisers(capsys):
    assert kinema.__version__ in run(capsys, "info")[1]
    out = run(capsys, "denoisers", "unet-frame")[1]
    assert "unet-frame" in out and "xl" in out and "M" in out and "mmdit" not in out
