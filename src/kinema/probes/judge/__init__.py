"""The judge: which object does what in a tabletop clip, read from the frames alone.

It never sees the caption. Its accuracy on true renders is the ceiling of every score that uses it.
"""

from kinema.probes.judge.network import JudgeConfig, JudgeNetwork
from kinema.probes.judge.questions import NONE, VOCABULARY, true_answers
from kinema.probes.judge.reading import SHIPPED, load, read
from kinema.probes.judge.training import JudgeRun, train

__all__ = [
    "NONE",
    "SHIPPED",
    "VOCABULARY",
    "JudgeConfig",
    "JudgeNetwork",
    "JudgeRun",
    "load",
    "read",
    "train",
    "true_answers",
]
