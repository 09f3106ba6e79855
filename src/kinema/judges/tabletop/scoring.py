"""Verdicts against captions, counted with their uncertainty."""

from collections.abc import Sequence
from dataclasses import dataclass

from kinema.metrics import wilson_interval

Answers = dict[str, str]

ASPECTS: dict[str, tuple[str, ...]] = {
    "subject color": ("color",),
    "subject shape": ("shape",),
    "action and direction": ("action", "direction", "second_action", "second_direction"),
    "camera": ("camera",),
    "second object": ("second_color", "second_shape"),
}
"""What a prompt asks for, and the questions that must all be answered as it says.

Where two objects act, both actions must be right; where none is named, a second object is wrong.
"""

MORE_ASPECTS: dict[str, tuple[str, ...]] = {"speed": ("speed",), "relation": ("relation",)}
"""Read as well, but not part of "all together": words for them are vague or left out."""

TOGETHER = "all together"
TOTAL_QUESTIONS = tuple(question for questions in ASPECTS.values() for question in questions)


@dataclass(frozen=True)
class Share:
    """So many of so many."""

    right: int
    total: int

    @property
    def value(self) -> float:
        return self.right / self.total

    @property
    def interval(self) -> tuple[float, float]:
        """95 % Wilson interval."""
        return wilson_interval(self.right, self.total)


def is_right(read: Answers, asked: Answers, questions: Sequence[str]) -> bool:
    """Return whether all of the questions were answered as asked."""
    return all(read[question] == asked[question] for question in questions)


def score(read: Sequence[Answers], asked: Sequence[Answers]) -> dict[str, Share]:
    """Count how often each aspect is read as the clip's caption asks, and how often all are."""
    pairs = list(zip(read, asked, strict=True))
    rows = {**ASPECTS, TOGETHER: TOTAL_QUESTIONS, **MORE_ASPECTS}
    return {
        name: Share(sum(is_right(r, a, questions) for r, a in pairs), len(pairs))
        for name, questions in rows.items()
    }


def faults(read: Answers, asked: Answers) -> str:
    """Return the wrong aspects in words: "shape cone, not cube"; "" if all is as asked."""
    wrong = [
        f"{question.replace('_', ' ')} {read[question]}, not {asked[question]}"
        for questions in ASPECTS.values()
        for question in questions
        if read[question] != asked[question]
    ]
    return "; ".join(wrong)
