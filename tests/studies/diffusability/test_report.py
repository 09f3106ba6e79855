import json

import numpy as np
import pytest

from kinema.judges.tabletop.scoring import Share
from studies.diffusability.probe import CODED, MADE, NOISE, PIXELS, DiffusabilityFindings, Spectrum
from studies.diffusability.report import report_of, samples_table, spectra_table
from studies.diffusability.scoring import Estimate


@pytest.fixture
def findings():
    falling = Spectrum(np.tile(np.arange(1, 9.0) ** -2, (3, 1)), np.ones((3, 5)))
    rows = [("one", kind) for kind in (MADE, CODED, NOISE)]
    return DiffusabilityFindings(
        spectra={PIXELS: falling, "one": falling},
        inequivariance={"one": {"as it is": [0.1, 0.1], "turn": [0.2, 0.2]}},
        held_out={"one": [0.5, 0.25]},
        distance={
            kind: {row: (Estimate(10.0, 5.0, 15.0), [9.0, 11.0]) for row in rows}
            for kind in ("appearance", "change", "motion")
        },
        prompts={row: Share(1, 4) for row in rows},
        clips={row: np.zeros((2, 3, 16, 16, 3), np.uint8) for row in rows},
        captions=["a red ball", "a cube"],
    )


def test_tables(findings):
    header, pixels, one = spectra_table(findings)
    assert header[-2:] == ["as it is", "turn"] and pixels[-1] == ""
    assert one[-2:] == ["10.0 (10.0 to 10.0)", "20.0 (20.0 to 20.0)"]
    header, made, coded, noise = samples_table(findings)
    assert made[:3] == ["one", "samples, n = 4", "10 (5 to 15) [9, 11]"]
    assert made[-1] == "0.5000, 0.2500" and coded[-1] == noise[-1] == ""
    assert {len(row) for row in (header, made, coded, noise)} == {7}


def test_a_page_with_figures_and_a_sheet(findings, study, tmp_path, capsys):
    report = report_of(findings, study)
    files = report.write(tmp_path / "out" / "diffusability.md")
    text = files[0].read_text()
    assert "python -m studies.diffusability one --num-samples 4 --seeds 2" in text
    assert "*True clips, coded* is the ceiling" in text and "diffusability.png" in text
    kept = json.loads(files[1].read_text())
    assert kept["rows"][0]["distance"]["motion"]["seeds"] == [9.0, 11.0]
    assert files[2].stat().st_size > 1000
    report.show()
    assert "upper half" in capsys.readouterr().out
