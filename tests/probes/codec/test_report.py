import io
import json

import numpy as np
import pytest
from PIL import Image

from kinema.probes.codec.probe import CodecFindings, CodecProbe
from kinema.probes.codec.report import draw_seams, report_of, score_table
from kinema.probes.codec.scores import CodecScores, Seams

NAN = float("nan")
SCORES = {
    "codec": CodecScores(
        48.0, [29.0, 31.0], [0.9, 0.9], [1.0, 1.0], [0.0, 0.1], [1, 1], [1.2, 1.4]
    ),
    "identity": CodecScores(1.0, [float("inf")] * 2, [1, 1], [0, 0], [0, 0], [1, 1], [NAN, NAN]),
}
SEAMS = {"codec": Seams(np.arange(1.0, 9), np.arange(1.0, 6))}


def findings(scores=SCORES, seams=SEAMS, source="two clips", clip=None):
    clip = np.zeros((9, 16, 16, 3), np.uint8) if clip is None else clip
    return CodecFindings(CodecProbe(num_clips=2), source, scores, seams, [clip, clip], 4)


def test_a_row_has_a_cell_for_every_column():
    header, *rows = score_table(SCORES)
    assert all(len(row) == len(header) for row in rows)
    assert rows[1][1] == "inf" and rows[1][6] == "-"  # without a seam there is no ratio
    assert rows[0][1] == "30.00 +- 1.96" and rows[0][-2:] == ["48.0x", "24.0x"]
    assert rows[1][-2:] == ["1.0x", "1.0x"]


def test_everything_is_written_and_the_page_links_to_it(tmp_path):
    path = tmp_path / "out" / "codec.md"
    written = report_of(findings()).write(path)
    assert all(file.stat().st_size > 100 for file in written) and len(written) == 4
    text = path.read_text()
    assert "(codec.png)" in text and "(codec-seams.png)" in text and "two clips" in text
    assert "`kinema probe codec --model tabletop --num-clips 2 --num-frames 33 --size 64" in text
    figures = json.loads(path.with_suffix(".json").read_text(), parse_constant=pytest.fail)
    assert figures["codec"]["psnr"] == [29.0, 31.0] and figures["identity"]["psnr"] == [None] * 2
    assert figures["codec"]["flicker_over_time"] == list(range(1, 9))


def test_pictures_have_no_seams_to_draw(tmp_path):
    clip = np.zeros((1, 16, 16, 3), np.uint8)
    still = {"codec": Seams(np.zeros(0), np.ones(1))}
    written = report_of(findings(seams=still, clip=clip)).write(tmp_path / "p.md")
    assert len(written) == 3 and "seams.png" not in (tmp_path / "p.md").read_text()


def test_seams_are_drawn_for_every_coding():
    both = SEAMS | {"other": Seams(np.ones(8), np.ones(5))}
    one, two = (draw_seams(seams, 4) for seams in (SEAMS, both))
    assert Image.open(io.BytesIO(one)).size == Image.open(io.BytesIO(two)).size == (1210, 440)
    assert one != two
