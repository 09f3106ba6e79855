"""`kinema check --blind ... --verdicts FILE`: do people say what the verdicts of a check say?"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from kinema.checks.votes import Vote
from kinema.errors import UserError
from kinema.metrics.agreement import Agreement, agreement
from kinema.metrics.verdicts import confidence
from kinema.storage.atomic import read_object

SIGNS = {"better": 1, "worse": -1}


def agreement_with(votes: list[Vote], report: str | Path) -> Agreement:
    """Compare votes with the pairs in the JSON of `kinema check A --against B`.

    Raises:
        UserError: if the file is no such JSON, or has no pair that was voted on.
    """
    chosen: dict[frozenset[Path], dict[Path, list[float]]] = {}
    for vote in votes:
        left, right = Path(vote.left) / vote.file, Path(vote.right) / vote.file
        scores = chosen.setdefault(frozenset((left, right)), {left: [], right: []})
        scores[left].append(vote.score)
        scores[right].append(1 - vote.score)
    people, verdicts = [], []
    for pair in pairs_of(report):
        clip, other = (Path(pair[name]).with_suffix("") for name in ("file", "against"))
        scores = chosen.get(frozenset((clip, other)), {})
        if clip in scores:
            people.append(2 * float(np.mean(scores[clip])) - 1)
            verdicts.append(signed_confidence(pair))
    if not people:
        raise UserError(
            f"{report} has no pair of clips that was voted on: check one folder of the page "
            "against the other, named as they were for the page."
        )
    return agreement(np.array(people), np.array(verdicts))


def signed_confidence(pair: dict[str, Any]) -> float:
    """Return how sure a verdict is, above 0 for better: its probability, or from its changes."""
    sign = SIGNS.get(pair["verdict"], 0)
    if pair["probability"] is not None:
        return sign * float(pair["probability"])
    of_reasons = [
        abs(change["change"]) / change["threshold"]
        for change in pair["changes"]
        if change["failure"] in pair["reasons"] and change["change"] is not None
    ]
    return sign * confidence(max(of_reasons, default=1.0))


def pairs_of(report: str | Path) -> list[dict[str, Any]]:
    content = read_object(report, "JSON of a check")
    pairs = content.get("pairs")
    needed = {"file", "against", "verdict", "reasons", "changes"}
    if not isinstance(pairs, list) or not all(
        isinstance(pair, dict) and needed <= pair.keys() for pair in pairs
    ):
        raise UserError(
            f"{report} is not the JSON of kinema check with --against: it has no pairs."
        )
    return pairs


def agreement_lines(found: Agreement) -> Iterator[str]:
    """Yield what is printed."""
    low, high = found.interval
    yield (
        f"verdicts and people over {found.num_trials} pairs: Kendall's tau {found.tau:+.2f} "
        f"({low:+.2f} to {high:+.2f}); {found.undecided} undecided"
    )
    for one in found.accuracies:
        low, high = one.interval
        share = f"{one.right} of {one.total}"
        yield f"    confidence from {one.confidence:g}: {share} agree ({low:.2f} to {high:.2f})"
