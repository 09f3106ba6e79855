"""Distances between two sets of clips, and features for them that need no weights.

Three kinds of features, because each is blind to what the others see: appearance (what is in the
frames), change (random convolutions of frame differences: a "temporal FID"), and motion (histograms
of velocity and acceleration, after FVMD, Liu et al. 2024). Two distances: the kernel distance is
the unbiased cubic MMD of KID (Binkowski et al. 2018) and can be trusted from two dozen clips; the
Frechet distance is biased upwards by about d / n and is refused below n = d clips.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from kinema.errors import UserError
from kinema.metrics.evidence import Evidence, of_frames

FEWEST_CLIPS = 16  # below this the unbiased MMD's own spread exceeds what it should measure
CLIP_AT = 4.0  # standard deviations: one broken clip must not be the whole distance
SPEED_EDGES = np.array([0.0, 0.05, 0.15, 0.4, 1.0, 2.5, 6.0, np.inf])  # percent of shorter side
DIRECTIONS = 8
THUMBNAIL = 32
NUM_FILTERS = 24


@dataclass(frozen=True)
class Distance:
    """A distance, and what it must be read against."""

    value: float  # between the two sets; near 0 (and as often below) for one distribution
    interval: tuple[float, float]  # 95 % of resampled sets
    floor: tuple[float, float]  # the same between two random halves of the reference, 95 %
    num_clips: tuple[int, int]  # in the two sets
    num_resampled: int = 0  # of each set, where interval and floor depend on it

    @property
    def differs(self) -> bool:
        """Tell whether the interval lies wholly above the real-against-real band."""
        return self.interval[0] > self.floor[1]


@of_frames
def motion_features(evidence: Evidence) -> np.ndarray:
    """Shares of pixels by speed and direction, and by acceleration; (32,) float64.

    Speed in 7 bins and direction in 8 (moving pixels only), of the velocity and of the
    acceleration, and the mean and spread over time of the top speed.
    """
    side = min(evidence.frames.shape[1:3])
    velocity = motion_histograms(100 * evidence.flow.forward / side)
    change = motion_histograms(100 * evidence.acceleration / side)
    speed = np.log(100 * evidence.speed / side + 0.05) if len(evidence.speed) else np.zeros(1)
    return np.concatenate([velocity, change, [speed.mean(), speed.std()]])


@of_frames
def change_features(evidence: Evidence) -> np.ndarray:
    """Mean and spread of 24 fixed random filters of frame differences; (48,) float64."""
    tiles = thumbnails(evidence)
    differences = np.diff(tiles, axis=0) if len(tiles) > 1 else np.zeros_like(tiles)
    return filter_responses(differences)


@of_frames
def appearance_features(evidence: Evidence) -> np.ndarray:
    """The same filters of the frames themselves; blind to their order; (48,) float64."""
    return filter_responses(thumbnails(evidence))


FEATURES: dict[str, Callable[[np.ndarray | Evidence], np.ndarray]] = {
    "appearance": appearance_features,
    "change": change_features,
    "motion": motion_features,
}


def kernel_distance(
    features: np.ndarray, reference: np.ndarray, num_resamples: int = 200, seed: int = 0
) -> Distance:
    """Compute the unbiased cubic MMD of features (n d) and (m d), times 1000.

    It is taken in the reference's standard deviations.

    Raises:
        UserError: if either set has fewer than 16 clips.
    """
    counts = len(features), len(reference)
    if min(counts) < FEWEST_CLIPS:
        raise UserError(
            f"A distance between {counts[0]} and {counts[1]} clips means nothing: "
            f"use at least {FEWEST_CLIPS} of each."
        )
    generator = np.random.default_rng(seed)
    a, b = standardized(features, reference)
    value = squared_mmd(a, b)
    resampled = [distance_resampled(a, b, generator) for _ in range(num_resamples)]
    halves = [distance_of_halves(b, generator) for _ in range(num_resamples)]
    interval, floor = (np.quantile(x, [0.025, 0.975]) for x in (resampled, halves))
    return Distance(1e3 * value, as_pair(1e3 * interval), as_pair(1e3 * floor), counts)


def squared_mmd(a: np.ndarray, b: np.ndarray) -> float:
    """Compute the unbiased squared MMD of k(x, y) = (x . y / d + 1)^3 (Gretton et al. 2012)."""
    n, m, d = len(a), len(b), a.shape[1]
    within_a, within_b, across = ((x @ y.T / d + 1) ** 3 for x, y in ((a, a), (b, b), (a, b)))
    mean_a = (within_a.sum() - np.trace(within_a)) / (n * (n - 1))
    mean_b = (within_b.sum() - np.trace(within_b)) / (m * (m - 1))
    return float(mean_a + mean_b - 2 * across.mean())


def frechet_distance(features: np.ndarray, reference: np.ndarray) -> float:
    """Compute |mean - mean'|^2 + trace(C + C' - 2 (C C')^(1/2)), covariances over n - 1.

    The square root is taken as (C^(1/2) C' C^(1/2))^(1/2), which is symmetric and stays real.

    Raises:
        UserError: if a set has no more clips than features: its covariance is then singular.
    """
    n, m, d = len(features), len(reference), features.shape[1]
    if min(n, m) <= d:
        raise UserError(
            f"A Frechet distance in {d} dimensions needs more than {d} clips on both sides, "
            f"not {n} and {m}: use the kernel distance."
        )
    return frechet_of_moments(features, reference)


def frechet_interval(
    features: np.ndarray, reference: np.ndarray, num_resamples: int = 40, seed: int = 0
) -> Distance:
    """Compute the Frechet distance with an interval and a real-against-real band.

    The distance falls with the number of clips, so interval and band are both taken at one number,
    half of the smaller set: compare them with each other. Halves spread as whole sets do
    (half-sampling, McCarthy 1969).

    Raises:
        UserError: if half of a set has no more clips than features.
    """
    k, d = min(len(features), len(reference)) // 2, features.shape[1]
    if k <= d:
        raise UserError(
            f"A Frechet distance in {d} dimensions needs {2 * d + 2} clips on both sides for an "
            f"interval, not {len(features)} and {len(reference)}: use the kernel distance."
        )
    value, generator = frechet_distance(features, reference), np.random.default_rng(seed)
    across, within = [], []
    for _ in range(num_resamples):
        chosen, order = generator.permutation(len(features)), generator.permutation(len(reference))
        half, rest = reference[order[:k]], reference[order[k : 2 * k]]
        across.append(frechet_of_moments(features[chosen[:k]], half))
        within.append(frechet_of_moments(rest, half))
    interval, floor = (np.quantile(x, [0.025, 0.975]) for x in (across, within))
    counts = len(features), len(reference)
    return Distance(value, as_pair(interval), as_pair(floor), counts, num_resampled=k)


def frechet_of_moments(features: np.ndarray, reference: np.ndarray) -> float:
    covariance, other = (np.atleast_2d(np.cov(x.T)) for x in (features, reference))
    root = square_root(covariance)
    cross = np.sqrt(np.linalg.eigvalsh(root @ other @ root).clip(0)).sum()
    gap = np.square(features.mean(0) - reference.mean(0)).sum()
    return float(gap + np.trace(covariance + other) - 2 * cross)


def motion_histograms(vectors: np.ndarray) -> np.ndarray:
    """Shares of pixels by length (7) and, of those that move, by direction (8)."""
    flat = vectors[:, ::4, ::4].reshape(-1, 2)
    if not len(flat):
        return np.zeros(len(SPEED_EDGES) - 1 + DIRECTIONS)
    length = np.hypot(flat[:, 0], flat[:, 1])
    by_length = np.histogram(length, SPEED_EDGES)[0] / len(flat)
    moving = flat[length > SPEED_EDGES[2]]
    angle = np.arctan2(moving[:, 1], moving[:, 0])
    by_angle = np.histogram(angle, DIRECTIONS, (-np.pi, np.pi))[0] / len(flat)
    return np.concatenate([by_length, by_angle])


def thumbnails(evidence: Evidence) -> np.ndarray:
    size = (THUMBNAIL, THUMBNAIL)
    small = [cv2.resize(f, size, interpolation=cv2.INTER_AREA) for f in evidence.frames]
    return np.stack(small).astype(np.float32) / 128 - 1


def filter_responses(images: np.ndarray) -> np.ndarray:
    """Mean absolute value and spread over time of random 5 x 5 color filters."""
    filters = np.random.default_rng(36).standard_normal((NUM_FILTERS, 5, 5, 3)).astype(np.float32)
    filters /= np.sqrt((filters**2).sum((1, 2, 3), keepdims=True))
    values = np.array([[np.abs(filtered(i, k)).mean() for k in filters] for i in images])
    return np.concatenate([values.mean(0), values.std(0)])


def filtered(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Correlate (h w 3) with (5 5 3); (h w)."""
    return sum(cv2.filter2D(image[..., c], cv2.CV_32F, kernel[..., c]) for c in range(3))


def standardized(features: np.ndarray, reference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Express both (n d) in the reference's standard deviations from its mean, cut off at 4."""
    center, scale = reference.mean(0), reference.std(0, ddof=1) + 1e-6
    a, b = (np.clip((x - center) / scale, -CLIP_AT, CLIP_AT) for x in (features, reference))
    return a, b


def distance_resampled(a: np.ndarray, b: np.ndarray, generator: np.random.Generator) -> float:
    """MMD of half of each set, which spreads as that of whole sets does (half-sampling, McCarthy
    1969); with repeated clips it would not be unbiased."""
    chosen = [generator.permutation(len(x))[: len(x) // 2] for x in (a, b)]
    return squared_mmd(a[chosen[0]], b[chosen[1]])


def distance_of_halves(b: np.ndarray, generator: np.random.Generator) -> float:
    order = generator.permutation(len(b))
    return squared_mmd(b[order[: len(b) // 2]], b[order[len(b) // 2 :]])


def square_root(matrix: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    return (vectors * np.sqrt(values.clip(0))) @ vectors.T


def as_pair(quantiles: np.ndarray) -> tuple[float, float]:
    return float(quantiles[0]), float(quantiles[1])
