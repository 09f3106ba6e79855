import numpy as np
import pytest

import kinema
from kinema import cli, clips


def run(capsys, *argv: str) -> tuple[int, str, str]:
    status = cli.main([*argv])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_info_and_denoisers(capsys):
    out = run(capsys, "info")[1]
    assert kinema.__version__ in out and "tabletop" in out
    out = run(capsys, "denoisers", "unet-frame")[1]
    assert "unet-frame" in out and "xl" in out and "M" in out and "mmdit" not in out


@pytest.mark.parametrize(
    ("suffix", "codec"), [(".mp4", "h264"), (".webp", "webp"), (".gif", "gif")]
)
def test_info_of_a_video(capsys, tmp_path, suffix, codec):
    moving = np.arange(5, dtype=np.uint8)[:, None, None, None] * 40
    frames = np.broadcast_to(moving, (5, 16, 32, 3)).copy()
    note = {"prompt": "a ball", "settings": {"num_steps": 3, "size": [16, 32]}}
    file = tmp_path / f"a:b{suffix}"
    clips.write(clips.Clip(frames, 10, "a ball", note), file)
    status, out, _ = run(capsys, "info", str(file))
    told = dict(line.split(maxsplit=1) for line in out.splitlines())
    assert status == 0 and told["frames"] == "5, 0.50 s at 10 fps"
    assert told["size"] == "16x32 (height x width)" and told["codec"] == codec
    assert told["text"] == "a ball" and told["settings"] == "num_steps 3, size [16,32]"


def test_info_of_what_is_no_video(capsys, tmp_path):
    assert run(capsys, "info", str(tmp_path / "none.mp4"))[0] == 2
    (tmp_path / "text.mp4").write_text("words")
    status, _, err = run(capsys, "info", str(tmp_path / "text.mp4"))
    assert status == 2 and "text.mp4" in err and "Traceback" not in err
