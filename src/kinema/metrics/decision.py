"""From evidence to a verdict: probabilities, a stated loss, and the verdict that costs least.

Evidence is a change in units of what harmless re-encodes cause; see `comparison`. Logits that are
straight lines in its logarithm give the probabilities that the clip is worse, better or the same.
The lines and the losses make a clip worse from 1.1 times what counts, and better from twice that.
They were chosen on 46 clips; docs/results/verdicts.md says how often they are right on 40 others.
"""

import numpy as np

LEAST = 0.05  # evidence below it is none
TRUTHS = ("worse", "better", "same")

# Logit of each truth against "same": intercept and slope in log2 of the evidence.
LINES = {"worse": (0.2, 4.0), "better": (-3.0, 4.0)}

# What a verdict costs if the truth is another. The worst is to call a spoiled clip better, then to
# call a harmless change worse; to say that one cannot tell costs a little, whatever is true.
LOSS = {
    "worse": {"worse": 0, "same": 3, "better": 5},
    "better": {"worse": 20, "same": 4, "better": 0},
    "same": {"worse": 2, "same": 0, "better": 2},
    "cannot tell": {"worse": 1, "same": 1, "better": 1},
}


def probabilities(worse: float, better: float) -> dict[str, float]:
    """Compute how likely each truth is, given the largest evidence for either direction.

    The three kinds of pairs are taken to be equally frequent beforehand.
    """
    evidence = {"worse": worse, "better": better}
    logits = {"same": 0.0} | {
        truth: intercept + slope * float(np.log2(max(evidence[truth], LEAST)))
        for truth, (intercept, slope) in LINES.items()
    }
    top = max(logits.values())
    weights = {truth: float(np.exp(logit - top)) for truth, logit in logits.items()}
    return {truth: weight / sum(weights.values()) for truth, weight in weights.items()}


def least_loss(chances: dict[str, float]) -> str:
    """Return the verdict of the smallest expected loss."""
    expected = {
        verdict: sum(chances[truth] * cost for truth, cost in costs.items())
        for verdict, costs in LOSS.items()
    }
    return min(expected, key=lambda verdict: expected[verdict])
