"""Fit the probabilities of `kinema.metrics.decision` to pairs whose truth is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kinema.metrics.decision import LEAST, TRUTHS

NUM_STEPS = 4000
RATE = 0.2
PRIOR = 0.01  # of the squared slopes: a handful of pairs must not make the lines steep


def fit_lines(pairs: Sequence[tuple[str, float, float]]) -> dict[str, tuple[float, float]]:
    """Fit intercept and slope of "worse" and "better" against "same" by maximum likelihood.

    Args:
        pairs: (truth, evidence of worse, evidence of better); each truth weighs the same in all.

    Returns:
        The `LINES` of `kinema.metrics.decision`.
    """
    truths = np.array([TRUTHS.index(truth) for truth, _, _ in pairs])
    logs = np.log2(np.array([pair[1:] for pair in pairs]).clip(LEAST))  # n 2
    weights = 1 / np.bincount(truths, minlength=3)[truths]
    target = np.eye(3)[truths][:, :2]
    lines = np.array([[0.0, 1.0], [0.0, 1.0]])  # worse, better: intercept, slope
    for _ in range(NUM_STEPS):
        logits = np.concatenate([lines[:, 0] + lines[:, 1] * logs, np.zeros((len(logs), 1))], 1)
        chances = np.exp(logits - logits.max(1, keepdims=True))
        chances /= chances.sum(1, keepdims=True)
        error = weights[:, None] * (chances[:, :2] - target)
        slope = (error * logs).sum(0) + PRIOR * lines[:, 1]
        lines -= RATE * np.stack([error.sum(0), slope], 1)
    return {truth: (float(a), float(b)) for truth, (a, b) in zip(TRUTHS, lines, strict=False)}


def reliability(chances: Sequence[float], right: Sequence[bool]) -> list[tuple[float, float, int]]:
    """Compare stated probabilities with what came true, in five bins: (stated, true, count)."""
    stated, true = np.asarray(chances), np.asarray(right, float)
    edges = [0.0, 0.6, 0.8, 0.95, 0.99, 1.0 + 1e-9]
    bins = [(stated >= low) & (stated < high) for low, high in zip(edges, edges[1:], strict=False)]
    return [(float(stated[b].mean()), float(true[b].mean()), int(b.sum())) for b in bins if b.any()]
