"""What an encoder says of a clip: does it show its prompt, does it stay the same thing?

All take unit vectors (`metrics/encoders.py` makes them), so that inner products are cosines.
"""

import numpy as np

from kinema.metrics.evidence import Score

EMBEDDING_SCORES = (
    *("text_alignment", "text_margin", "prompt_drift", "prompt_drift_low", "prompt_drift_high"),
    *("subject_consistency", "embedding_drift"),
)


def text_alignment(images: np.ndarray, prompt: np.ndarray) -> Score:
    """Cosine of each frame (f d) with the prompt (d,), [-1, 1]: the mean and its curve.

    The mean times 100 is CLIPScore without its factor and clamp (Hessel et al. 2021), and CLIPSIM
    (Wu et al. 2021). A cosine means little alone: read it beside `text_margin`.
    """
    curve = images @ prompt
    return Score(curve.mean(), curve)


def text_margin(images: np.ndarray, prompt: np.ndarray, others: np.ndarray) -> Score:
    """`text_alignment` minus its floor, the mean cosine with other clips' prompts (n d); [-2, 2].

    Above 0 the clip shows its own prompt rather than any.
    """
    curve = images @ prompt - (images @ others.T).mean(1)
    return Score(curve.mean(), curve)


def prompt_drift(images: np.ndarray, prompt: np.ndarray) -> Score:
    """Change of the cosine with the prompt from the first frame to the last, [-2, 2].

    The slope of the least squares line through the curve, times the f - 1 steps of the clip: below
    0 the clip forgets its prompt. The curve is the line's change since the first frame.
    """
    line = fitted_line(images @ prompt)
    return Score(line[-1] - line[0], line - line[0])


def drift_interval(
    images: np.ndarray, prompt: np.ndarray, num_resamples: int = 400, seed: int = 0
) -> tuple[float, float]:
    """95 % of `prompt_drift` over resampled residuals, in blocks of 4 frames (Kunsch 1989).

    Neighboring frames err alike: resampling them one by one would claim too much.
    """
    curve = images @ prompt
    if len(curve) < 8:
        return -2.0, 2.0
    line, generator = fitted_line(curve), np.random.default_rng(seed)
    residual, block = curve - line, 4
    starts = generator.integers(0, len(curve) - block + 1, (num_resamples, -(-len(curve) // block)))
    index = (starts[..., None] + np.arange(block)).reshape(num_resamples, -1)[:, : len(curve)]
    lines = np.stack([fitted_line(line + sample) for sample in residual[index]])
    low, high = np.quantile(lines[:, -1] - lines[:, 0], [0.025, 0.975])
    return float(low), float(high)


def subject_consistency(images: np.ndarray) -> Score:
    """Mean cosine of each frame with the one before and with the first, [0, 1]; 1 for one frame.

    VBench's subject consistency with a DINO, its background consistency with a CLIP (Huang et al.
    2024), which counts a cosine below 0 as 0. A frozen clip scores 1.
    """
    previous, first = (images[1:] * images[:-1]).sum(1), images[1:] @ images[0]
    curve = np.concatenate([[np.nan], (previous.clip(0, 1) + first.clip(0, 1)) / 2])
    return Score(float(curve[1:].mean()) if len(images) > 1 else 1.0, curve)


def embedding_drift(images: np.ndarray) -> Score:
    """1 - cosine of the mean vectors of the first and the last quarter, [0, 2].

    The curve is 1 - cosine of each frame with the first quarter: identity drift by lag.
    """
    quarter = max(1, len(images) // 4)
    first, last = images[:quarter].mean(0), images[-quarter:].mean(0)
    first, last = first / np.linalg.norm(first), last / np.linalg.norm(last)
    return Score(1 - first @ last, 1 - images @ first)


def fitted_line(curve: np.ndarray) -> np.ndarray:
    """The least squares line through a curve, at its points."""
    if len(curve) < 2:
        return curve.astype(np.float64)
    time = np.arange(len(curve)) - (len(curve) - 1) / 2
    return curve.mean() + time * (time @ curve / (time @ time))
