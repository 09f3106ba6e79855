import pytest

from kinema.video import System
from studies.steps.probe import CODED, TRUE, Arm, Record, Study
from studies.steps.report import report_of, rows_of


class Pipe:
    system = System(num_frames=33)


@pytest.fixture
def study():
    made = Study("tabletop", 1, 16)
    made.__dict__["pipe"] = Pipe()
    return made


RECORDS = {
    TRUE: Record([1, 1, 1, 1], [0.2, 0.4], [0.2, 0.2], [0.8, 0.8], [9.0, 8.0, 10.0]),
    CODED: Record([1, 1, 1, 0], [0.9, 0.9], [0.6, 0.6], [0.6, 0.6], [0.0, -1.0, 1.0]),
    Arm(4, 1.5).name: Record([1, 0, 0, 0], [1, 3], [1, 1], [0.4, float("nan")], [2, 1, 3], 0.5),
}


def test_a_row_has_its_shares_and_is_told_beside_true_renders(study):
    header, true, coded, arm = rows_of(study, RECORDS)
    assert len(header) == len(true) == len(coded) == len(arm)
    assert (true[1][:3], coded[1][:2], arm[1][:2]) == ("100", "75", "25")
    assert true[2].startswith("1.50 (") and arm[2].startswith("2.00 (")
    assert arm[3] == "2.00 / 1.00"
    assert (true[4], coded[4], arm[4]) == ("1.00", "0.75", "0.50")
    assert coded[5] == "0.0 (-1.0 to 1.0)"
    assert (true[6], arm[6]) == ("", "66")  # 33 frames in half a second


def test_the_page_has_the_command_and_the_record(study, tmp_path):
    page, record = report_of(study, RECORDS).write(tmp_path / "steps.md")
    assert "python -m studies.steps --model tabletop --level 1 --num-prompts 16" in page.read_text()
    assert '"seconds": 0.5' in record.read_text()
