"""The judge: which object does what in a tabletop clip, read from the frames alone.

It never sees the caption. Its accuracy on true renders is the ceiling of every score that uses it.
"""

from kinema.judges.tabletop.network import JudgeConfig, JudgeNetwork
from kinema.judges.tabletop.questions import NONE, VOCABULARY, true_answers
from kinema.judges.tabletop.reading import SHIPPED, load, read

__all__ = [
    "NONE", "SHIPPED", "VOCABULARY", "JudgeConfig", "JudgeNetwork", "load", "read", "true_answers",
]  # fmt: skip
