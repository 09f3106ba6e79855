import io
import json

import numpy as np
from PIL import Image

from kinema.probes.codec import page as codec_page
from kinema.probes.codec.scores import CodecScores, Seams

NAN = float("nan")
SCORES = {
    "codec": CodecScores(
        48.0, [29.0, 31.0], [0.9, 0.9], [1.0, 1.0], [0.0, 0.1], [1, 1], [1.2, 1.4]
    ),
    "identity": CodecScores(1.0, [float("inf")] * 2, [1, 1], [0, 0], [0, 0], [1, 1], [NAN, NAN]),
}
SEAMS = {"codec": Seams(np.arange(1.0, 9), np.arange(1.0, 6))}


def test_a_single_clip_has_no_interval_and_what_is_not_there_a_dash():
    assert codec_page.with_interval([30.0], 2) == "30.00"
    assert codec_page.with_interval([29.0, 31.0], 2) == "30.00 +- 1.96"
    assert codec_page.with_interval([float("inf")] * 2, 1) == "inf"
    assert codec_page.with_interval([NAN, NAN], 1) == "-"


def test_a_row_has_a_cell_for_every_column():
    header, *rows = codec_page.table(SCORES)
    assert all(len(row) == len(header) for row in rows)
    assert rows[0][1] == "30.00 +- 1.96" and rows[0][-2:] == ["48.0x", "24.0x"]
    assert rows[1][-2:] == ["1.0x", "1.0x"]


def test_everything_is_written_and_the_page_links_to_it(tmp_path):
    clip = np.zeros((9, 16, 16, 3), np.uint8)
    path = tmp_path / "out" / "codec.md"
    written = codec_page.write([(clip, clip)], SCORES, SEAMS, 4, "two clips", path)
    assert all(file.stat().st_size > 100 for file in written) and len(written) == 4
    text = path.read_text()
    assert "(codec.png)" in text and "(codec-seams.png)" in text and "two clips" in text
    figures = json.loads(path.with_suffix(".json").read_text())
    assert figures["codec"]["psnr"] == [29.0, 31.0]
    assert figures["codec"]["flicker_over_time"] == list(range(1, 9))


def test_pictures_have_no_seams_to_draw(tmp_path):
    clip = np.zeros((1, 16, 16, 3), np.uint8)
    still = {"codec": Seams(np.zeros(0), np.ones(1))}
    written = codec_page.write([(clip, clip)], SCORES, still, 4, "a picture", tmp_path / "p.md")
    assert len(written) == 3 and "seams.png" not in (tmp_path / "p.md").read_text()


def test_seams_are_drawn_for_every_coding():
    both = SEAMS | {"other": Seams(np.ones(8), np.ones(5))}
    one, two = (codec_page.picture_of_seams(seams, 4) for seams in (SEAMS, both))
    assert Image.open(io.BytesIO(one)).size == Image.open(io.BytesIO(two)).size == (1210, 440)
    assert one != two
