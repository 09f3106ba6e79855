"""The votes on a page of `kinema check --blind`, read back with its key."""

from dataclasses import dataclass
from pathlib import Path

from kinema.errors import UserError
from kinema.metrics.preference import Strength, bradley_terry
from kinema.storage.atomic import read_object

SCORES = {"left": 1.0, "right": 0.0, "tie": 0.5}  # of the left clip


@dataclass(frozen=True)
class Vote:
    """One answer of one voter."""

    trial: int
    left: str  # the system on the left
    right: str
    file: str  # the clip's name, without its suffix
    score: float  # of the left clip: 1, 0, or 0.5 for a tie


def read_votes(key_file: str | Path, vote_files: list[str]) -> list[Vote]:
    """Read the voters' files, with the systems that the key names.

    Raises:
        UserError: if a file is not one of this page's, or holds no vote that it asked for.
    """
    key = read_json(key_file, "trials")
    trials = {trial["id"]: trial for trial in key["trials"]}
    votes, seen = [], set()
    for file in vote_files:
        if Path(file).resolve() in seen:
            raise UserError(f"{file} is named twice: its votes would count twice.")
        seen.add(Path(file).resolve())
        content = read_json(file, "votes")
        if content["page"] != key["page"]:
            raise UserError(f"{file} holds votes of another page, not of {key['page']}.")
        for vote in content["votes"]:
            if not isinstance(vote, dict) or vote.get("choice") not in SCORES:
                raise UserError(f"{file} holds a vote that is none of {', '.join(SCORES)}: {vote}.")
            if vote.get("trial") not in trials:
                raise UserError(f"{file} votes on trial {vote.get('trial')}, which the page lacks.")
            trial = trials[vote["trial"]]
            sides = (trial["left"], trial["right"], trial["file"])
            votes.append(Vote(vote["trial"], *sides, SCORES[vote["choice"]]))
    return votes


def count_votes(votes: list[Vote]) -> list[Strength]:
    """Turn votes into a Bradley-Terry table, best system first."""
    games = [(vote.left, vote.right, vote.score) for vote in votes]
    return bradley_terry(games, [vote.trial for vote in votes])


def read_json(file: str | Path, holds: str) -> dict:
    """Read a JSON object of a blind comparison that has a list under `holds`."""
    content = read_object(file, "file of a blind comparison")
    if "page" not in content or not isinstance(content.get(holds), list):
        raise UserError(f"{file} is not a file of a blind comparison: it has no {holds}.")
    return content
