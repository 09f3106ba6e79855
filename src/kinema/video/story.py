"""A prompt, or a story of them: `0: a red ball rolls to the right; 120: it stops`."""

from __future__ import annotations

import re
import warnings

from kinema.errors import Notice, UserError

PART = re.compile(r"\s*(\d+)\s*:\s*(.*?)\s*", re.S)


def parse_story(prompt: str) -> list[tuple[int, str]]:
    """(first frame, prompt) of every part, ascending from frame 0.

    A prompt that does not begin with a number and a colon is one part.

    Raises:
        UserError: if the parts do not begin at 0, do not go up, or one says nothing.
    """
    if not re.match(r"\s*\d+\s*:", prompt):
        return [(0, prompt)]
    parts = []
    for text in filter(str.strip, prompt.split(";")):
        found = PART.fullmatch(text)
        if found is None or not found[2]:
            raise UserError(
                f"The part {text.strip()!r} of the prompt is not `FRAME: PROMPT`; write "
                '"0: a red ball rolls to the right; 120: a red ball rolls to the left".'
            )
        parts.append((int(found[1]), found[2]))
    starts = [start for start, _ in parts]
    if starts[0] != 0 or starts != sorted(set(starts)):
        raise UserError(f"The parts of a prompt begin at frame 0 and go up, not {starts}.")
    return parts


def warn_of_late_parts(parts: list[tuple[int, str]], num_frames: int) -> None:
    """Tell of the parts that begin where a video of `num_frames` has ended."""
    late = [f"{start}: {text}" for start, text in parts if start >= num_frames]
    if late:
        warnings.warn(
            f"The video ends with frame {num_frames - 1}, so it never comes to {'; '.join(late)}.",
            Notice,
            stacklevel=3,
        )
