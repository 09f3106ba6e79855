import json

import pytest

from kinema.checks.votes import count_votes, read_votes
from kinema.errors import UserError


def write_key(folder):
    """The key of a page of five trials, with the new model on either side."""
    sides = [("new_model", "old_model"), ("old_model", "new_model")]
    trials = [
        {"id": k, "left": sides[k % 2][0], "right": sides[k % 2][1], "file": f"clip{k}"}
        for k in range(5)
    ]
    (folder / "vote.key.json").write_text(json.dumps({"page": "vote-1", "trials": trials}))
    return folder / "vote.key.json"


def test_votes_are_read_back(tmp_path):
    key = write_key(tmp_path)
    content = json.loads(key.read_text())
    votes = [
        {"trial": t["id"], "choice": "left" if "new" in t["left"] else "right"}
        for t in content["trials"]
    ]
    file = tmp_path / "a.votes.json"
    file.write_text(json.dumps({"page": content["page"], "votes": votes}))
    best, worst = count_votes(read_votes(key, [file]))
    assert "new_model" in best.name
    assert best.value > 0 > worst.value
    assert best.votes == 5


def test_foreign_votes_are_refused(tmp_path):
    key = write_key(tmp_path)
    file = tmp_path / "b.votes.json"
    file.write_text('{"page": "other", "votes": []}')
    with pytest.raises(UserError, match="another page"):
        count_votes(read_votes(key, [file]))
    file.write_text("[]")
    with pytest.raises(UserError, match="file of a blind comparison"):
        count_votes(read_votes(key, [file]))


def test_a_file_of_votes_counts_once(tmp_path):
    key = write_key(tmp_path)
    page, file = json.loads(key.read_text())["page"], tmp_path / "a.votes.json"
    file.write_text(json.dumps({"page": page, "votes": [{"trial": 0, "choice": "left"}]}))
    with pytest.raises(UserError, match="named twice"):
        read_votes(key, [file, file])


@pytest.mark.parametrize(
    ("vote", "reason"),
    [
        ('{"trial": 0, "choice": "both"}', "none of left, right, tie"),
        ('{"trial": 9, "choice": "left"}', "which the page lacks"),
        ('"left"', "none of"),
    ],
)
def test_a_vote_that_was_not_asked_for_is_refused(tmp_path, vote, reason):
    key = write_key(tmp_path)
    page = json.loads(key.read_text())["page"]
    file = tmp_path / "c.votes.json"
    file.write_text(f'{{"page": "{page}", "votes": [{vote}]}}')
    with pytest.raises(UserError, match=reason):
        count_votes(read_votes(key, [file]))
