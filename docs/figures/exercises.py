"""Two exercises on consistency, measured: the figures and the tables of docs/exercises.md.

python docs/figures/exercises.py     # writes docs/assets/exercise-*.png, docs/results/exercises.md
"""

from pathlib import Path

import cv2
import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt
import numpy as np

from kinema.metrics import measure, textbook_warping_error, warping_error
from kinema.motion import DIS, optical_flow

DOCS = Path(__file__).parents[1]
NUM_FRAMES, SIDE, SQUARE, STEP = 16, 256, 48, 4
NOISES = [0, 1, 2, 5, 10, 20, 30, 50, 75, 100]
SEEDS = range(3)
WIDTHS = [1, 3, 5, 9, 15]


# ---- warping error against noise ----------------------------------------------------------------


def squares(places: np.ndarray) -> np.ndarray:
    """A white square on black at places (f 2): top, left."""
    frames = np.zeros((len(places), SIDE, SIDE, 3), np.uint8)
    for frame, (top, left) in zip(frames, places, strict=True):
        frame[top : top + SQUARE, left : left + SQUARE] = 255
    return frames


def with_noise(frames: np.ndarray, sigma: float, seed: int) -> np.ndarray:
    noise = sigma * np.random.default_rng(seed).standard_normal(frames.shape)
    return (frames + noise).round().clip(0, 255).astype(np.uint8)


def noise_curves() -> dict[str, np.ndarray]:
    """Score name -> (levels, seeds, 2): the clip that glides, the clip that jumps."""
    times = np.arange(NUM_FRAMES)
    glide = squares(np.stack([0 * times + 104, 20 + STEP * times], 1))
    curves = {name: np.zeros((len(NOISES), len(SEEDS), 2)) for name in ("textbook", "corrected")}
    curves["coverage"] = np.zeros((len(NOISES), len(SEEDS), 2))
    for seed in SEEDS:
        places = np.random.default_rng(100 + seed).integers(0, SIDE - SQUARE, (NUM_FRAMES, 2))
        for i, sigma in enumerate(NOISES):
            for k, clip in enumerate((glide, squares(places))):
                noisy = with_noise(clip, sigma, seed)
                fixed = warping_error(noisy, optical_flow(noisy, DIS()))
                curves["textbook"][i, seed, k] = textbook_warping_error(noisy)
                curves["corrected"][i, seed, k] = fixed.value
                curves["coverage"][i, seed, k] = fixed.coverage
    return curves


def crossing(values: np.ndarray, level: float) -> float:
    """The noise at which a rising curve reaches a level, linearly between the measured ones."""
    return float(np.interp(level, values, NOISES)) if values[-1] >= level else np.inf


def draw_noise(curves: dict[str, np.ndarray]) -> None:
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained")
    for axis, name in zip(axes[:2], ("textbook", "corrected"), strict=True):
        means = curves[name].mean(1)
        axis.plot(NOISES, means[:, 0], "o-", ms=3, label="glides, with noise")
        axis.plot(NOISES, means[:, 1], "s-", ms=3, label="jumps, with noise")
        axis.axhline(means[0, 1], color="0.5", lw=1, label="jumps, without noise")
        axis.plot(NOISES, np.array(NOISES) / np.sqrt(np.pi), "k:", label=r"$\sigma/\sqrt{\pi}$")
        axis.set(title=f"warping error, {name}", xlabel="noise (standard deviation)")
        axis.set_ylim(0, 1.15 * means.max())
    axes[0].set_ylabel("gray levels")
    axes[0].legend(fontsize=8)
    for name in ("textbook", "corrected"):
        means = curves[name].mean(1)
        axes[2].plot(NOISES, means[:, 1] / means[:, 0], "o-", ms=3, label=name)
    axes[2].axhline(1, color="0.5", lw=1)
    axes[2].set(title="jumping / gliding, same noise", xlabel="noise (standard deviation)")
    axes[2].set_yscale("log")
    axes[2].legend(fontsize=8)
    figure.savefig(DOCS / "assets" / "exercise-noise.png", dpi=110)


# ---- smoothing after the fact -------------------------------------------------------------------


def wall(num_frames: int) -> np.ndarray:
    """A colored, textured wall that passes by, one pixel a frame; float (f h w 3)."""
    rng = np.random.default_rng(0)
    picture = np.full((96, 128 + num_frames, 3), (150.0, 110.0, 90.0), np.float32)
    for grain in (1.2, 4.0, 12.0):
        noise = cv2.GaussianBlur(
            rng.standard_normal(picture.shape).astype(np.float32), (0, 0), grain
        )
        picture += 18 * noise / noise.std()
    return np.stack([picture[:, t : t + 128] for t in range(num_frames)])


def faulty_clips(num_frames: int = 32) -> dict[str, np.ndarray]:
    """One failure a clip: flicker, identity drift, motion without sense; float (f h w 3)."""
    clean, rng = wall(num_frames), np.random.default_rng(1)
    flicker = clean * (1 + 0.06 * rng.standard_normal(num_frames))[:, None, None, None]
    turn = np.linspace(0, 1, num_frames)[:, None, None, None]
    drift = (1 - turn) * clean + turn * clean[..., [2, 0, 1]]
    jumps = clean.copy()
    for frame, (x, y) in zip(jumps, rng.integers(16, 80, (num_frames, 2)), strict=True):
        cv2.circle(frame, (int(x), int(y)), 14, (30.0, 60.0, 200.0), -1)
    return {"flicker": flicker, "drift": drift, "incoherence": jumps, "clean": clean}


def smoothed(frames: np.ndarray, width: int) -> np.ndarray:
    """Moving average over `width` frames, whole windows only, as uint8."""
    sums = np.cumsum(np.concatenate([np.zeros_like(frames[:1]), frames]), axis=0)
    return ((sums[width:] - sums[:-width]) / width).round().clip(0, 255).astype(np.uint8)


def smoothing_scores() -> dict[str, list[float]]:
    """Score name -> value at each width, of the clip that has the failure it measures."""
    clips = faulty_clips()
    scores: dict[str, list[float]] = {"flicker": [], "drift": [], "incoherence": [], "detail": []}
    for width in WIDTHS:
        made = {name: smoothed(clip, width) for name, clip in clips.items()}
        scores["flicker"].append(float(measure(made["flicker"])["gain_flicker"]))
        scores["drift"].append(float(measure(made["drift"])["histogram_drift"]))
        scores["incoherence"].append(1 - warping_error(made["incoherence"]).explained)
        scores["detail"].append(float(measure(made["clean"])["detail"]))
    return scores


TITLES = {
    "flicker": "gain flicker, %",
    "drift": "first to last, histogram",
    "incoherence": "unexplained share of change",
    "detail": "clean clip: detail lost, octaves",
}


def draw_smoothing(scores: dict[str, list[float]]) -> None:
    figure, axes = plt.subplots(1, 5, figsize=(13, 2.9), layout="constrained")
    period = np.geomspace(2, 64, 400)
    for width in (3, 5, 9):
        passed = np.abs(np.sinc(width / period) / np.sinc(1 / period))
        axes[0].plot(period, passed, label=f"{width} frames")
    axes[0].set_xscale("log", base=2)
    axes[0].set(title="what an average lets pass", xlabel="period, frames", ylabel="gain")
    axes[0].legend(fontsize=8)
    for axis, (name, values) in zip(axes[1:], scores.items(), strict=True):
        axis.plot(WIDTHS, values, "o-", ms=4)
        axis.set(title=TITLES[name], xlabel="frames averaged", ylim=(0, 1.15 * max(values)))
        axis.title.set_fontsize(9)
    figure.savefig(DOCS / "assets" / "exercise-smoothing.png", dpi=110)


# ---- the page of numbers ------------------------------------------------------------------------


def page(curves: dict[str, np.ndarray], scores: dict[str, list[float]]) -> str:
    head = "| noise | glides, textbook | jumps, textbook | glides, corrected | jumps, corrected | "
    head += "ratio, corrected | coverage, glides |\n" + "|---" * 7 + "|"
    rows = []
    for i, sigma in enumerate(NOISES):
        (a, b), (c, d) = (curves[name][i].mean(0) for name in ("textbook", "corrected"))
        covered = curves["coverage"][i, :, 0].mean()
        rows.append(
            f"| {sigma} | {a:.2f} | {b:.2f} | {c:.2f} | {d:.2f} | {d / c:.2f} | {covered:.2f} |"
        )
    crossings = {
        name: crossing(curves[name].mean(1)[:, 0], curves[name].mean(1)[0, 1])
        for name in ("textbook", "corrected")
    }
    line = " and ".join(f"{value:.0f} ({name})" for name, value in crossings.items())
    widths = "| frames averaged | " + " | ".join(TITLES.values()) + " |\n" + "|---" * 5 + "|"
    lines = [
        f"| {width} | " + " | ".join(f"{values[i]:.2f}" for values in scores.values()) + " |"
        for i, width in enumerate(WIDTHS)
    ]
    return (
        "# Two exercises in numbers\n\n`python docs/figures/exercises.py`\n\n"
        "## Warping error against noise\n\n" + "\n".join([head, *rows]) + "\n\n"
        f"The gliding square with noise reaches the jumping one without at a noise of {line}. "
        f"Means over {len(SEEDS)} draws of noise and jumps; gray levels, 0 to 255.\n\n"
        "## Smoothing after the fact\n\n" + "\n".join([widths, *lines]) + "\n"
    )


def main() -> None:
    cv2.setNumThreads(1)
    scores = smoothing_scores()
    detail = scores["detail"]
    scores["detail"] = [detail[0] - value for value in detail]
    draw_smoothing(scores)
    curves = noise_curves()
    draw_noise(curves)
    text = page(curves, scores)
    print(text)
    (DOCS / "results" / "exercises.md").write_text(text)


if __name__ == "__main__":
    main()
