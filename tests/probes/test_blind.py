import json

import numpy as np
import pytest

from kinema import clips
from kinema.errors import UserError
from kinema.probes.blind import count_votes, write_blind_page


@pytest.fixture
def folders(tmp_path):
    rng = np.random.default_rng(0)
    for system in ("old_model", "new_model"):
        for number in range(5):
            frames = rng.integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
            clips.write(clips.Clip(frames, 8.0), tmp_path / system / f"clip{number}.mkv")
    return tmp_path / "old_model", tmp_path / "new_model"


def test_the_page_names_no_system_and_the_key_does(folders, tmp_path):
    key = write_blind_page(*folders, tmp_path / "vote.html", seed=3)
    page = (tmp_path / "vote.html").read_text()
    assert page.count("data:video/mp4;base64,") == 10
    assert "old_model" not in page
    assert "new_model" not in page
    trials = json.loads(key.read_text())["trials"]
    assert len({trial["left"] for trial in trials}) == 2  # sides are drawn


def test_votes_are_read_back(folders, tmp_path):
    key = write_blind_page(*folders, tmp_path / "vote.html")
    content = json.loads(key.read_text())
    votes = [
        {"trial": t["id"], "choice": "left" if "new" in t["left"] else "right"}
        for t in content["trials"]
    ]
    file = tmp_path / "a.votes.json"
    file.write_text(json.dumps({"page": content["page"], "votes": votes}))
    best, worst = count_votes(key, [file])
    assert "new_model" in best.name
    assert best.value > 0 > worst.value
    assert best.votes == 5


def test_foreign_votes_are_refused(folders, tmp_path):
    key = write_blind_page(*folders, tmp_path / "vote.html")
    file = tmp_path / "b.votes.json"
    file.write_text('{"page": "other", "votes": []}')
    with pytest.raises(UserError, match="another page"):
        count_votes(key, [file])
    file.write_text("[]")
    with pytest.raises(UserError, match="not a file"):
        count_votes(key, [file])


def test_folders_must_differ_and_share_names(folders, tmp_path):
    with pytest.raises(UserError, match="itself"):
        write_blind_page(folders[0], folders[0], tmp_path / "vote.html")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="share no file name"):
        write_blind_page(folders[0], tmp_path / "empty", tmp_path / "vote.html")
