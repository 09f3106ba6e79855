import json

import numpy as np
import pytest

from kinema import clips
from kinema.checks.blind import write_blind_page
from kinema.checks.votes import read_votes
from kinema.cli import main
from kinema.errors import UserError


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


def test_a_page_of_the_same_name_with_other_clips_is_another_page(folders, tmp_path):
    monday = json.loads(write_blind_page(*folders, tmp_path / "vote.html").read_text())
    file = tmp_path / "monday.votes.json"
    votes = [{"trial": 0, "choice": "left"}]
    file.write_text(json.dumps({"page": monday["page"], "votes": votes}))
    key = write_blind_page(*folders, tmp_path / "vote.html", seed=1)
    with pytest.raises(UserError, match="another page"):
        read_votes(key, [file])


def test_the_command_writes_the_page_and_counts_the_votes(folders, tmp_path, capsys):
    (folders[0] / "metadata.jsonl").write_text("{}")
    (folders[1] / "metadata.jsonl").write_text("{}")
    page = tmp_path / "vote.html"
    assert main(["check", "--blind", *map(str, folders), "--html", str(page)]) == 0
    assert page.read_text().count("data:video/mp4;base64,") == 10
    key = tmp_path / "vote.key.json"
    trials = json.loads(key.read_text())
    votes = [
        {"trial": t["id"], "choice": "left" if "new" in t["left"] else "right"}
        for t in trials["trials"]
    ]
    for voter in ("a", "b", "c"):
        content = json.dumps({"page": trials["page"], "votes": votes})
        (tmp_path / f"{voter}.votes.json").write_text(content)
    files = [str(key), *(str(tmp_path / f"{voter}.votes.json") for voter in "abc")]
    capsys.readouterr()
    assert main(["check", "--blind", *files, "--json", str(tmp_path / "table.json")]) == 0
    printed = capsys.readouterr().out
    assert "15 votes from 3 files" in printed
    assert "do not overlap" in printed
    best, worst = json.loads((tmp_path / "table.json").read_text())
    assert best["name"].endswith("new_model")
    assert best["interval"][0] > worst["interval"][1]


def test_the_votes_are_compared_with_verdicts(folders, tmp_path, capsys):
    key = write_blind_page(*folders, tmp_path / "vote.html")
    page = json.loads(key.read_text())
    votes = [
        {"trial": t["id"], "choice": "left" if "new" in t["left"] else "right"}
        for t in page["trials"]
    ]
    (tmp_path / "a.votes.json").write_text(json.dumps({"page": page["page"], "votes": votes}))
    old, new = folders
    options = ["--against", str(old), "--json", str(tmp_path / "report.json"), "--jobs", "1"]
    assert main(["check", str(new), *options, "--quiet"]) == 0
    words = ["check", "--blind", str(key), str(tmp_path / "a.votes.json")]
    words += ["--verdicts", str(tmp_path / "report.json"), "--json", str(tmp_path / "table.json")]
    assert main(words) == 0
    assert "verdicts and people over 5 pairs: Kendall's tau" in capsys.readouterr().out
    content = json.loads((tmp_path / "table.json").read_text())
    assert content["agreement"]["num_trials"] == 5 and len(content["strengths"]) == 2


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["old_model"], "two folders"),
        (["old_model", "vote.key.json"], "two folders"),
        (["old_model", "new_model", "--gate", "x.yaml"], "--gate"),
        (["old_model", "new_model", "--json", "-"], "--json"),
        (["old_model", "new_model", "--html", "old_model"], "folder"),
        (["absent.json", "absent.votes.json"], "absent.json"),
        (["old_model", "new_model", "--verdicts", "x.json"], "--verdicts takes the votes"),
    ],
)
def test_a_mistake_is_one_sentence(folders, arguments, reason, monkeypatch, capsys):
    monkeypatch.chdir(folders[0].parent)
    assert main(["check", "--blind", *arguments]) == 2
    assert reason in capsys.readouterr().err


def test_folders_must_differ_and_share_names(folders, tmp_path):
    with pytest.raises(UserError, match="itself"):
        write_blind_page(folders[0], folders[0], tmp_path / "vote.html")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="share no file name"):
        write_blind_page(folders[0], tmp_path / "empty", tmp_path / "vote.html")
