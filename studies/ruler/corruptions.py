"""Known faults, put into a clip on purpose, to learn which metric sees which.

Each corruption is a function of (frames, strength, generator) that returns frames of the same
shape; strength is in the natural unit of the fault. `CORRUPTIONS` names them, with the failure a
detector should call it by and three strengths, the middle one being the usual.
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from studies.ruler import codec_faults

Corrupt = Callable[[np.ndarray, float, np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Corruption:
    """A fault and what it should be called.

    Attributes:
        apply: (frames uint8 (f h w 3), strength, generator) -> frames of the same shape.
        failure: the name of the failure it is; "" where no single clip can show it.
        strengths: mild, usual, strong.
        unit: of the strength.
    """

    apply: Corrupt
    failure: str
    strengths: tuple[float, float, float]
    unit: str

    def __call__(
        self, frames: np.ndarray, strength: float | None = None, seed: int = 0
    ) -> np.ndarray:
        """Corrupt frames with the usual strength unless given; the same seed, the same fault."""
        strength = self.strengths[1] if strength is None else strength
        corrupted = self.apply(frames, strength, np.random.default_rng(seed))
        assert corrupted.shape == frames.shape and corrupted.dtype == np.uint8
        return corrupted


def add_noise(frames: np.ndarray, sigma: float, generator: np.random.Generator) -> np.ndarray:
    """White Gaussian noise, new in every frame."""
    noise = generator.standard_normal(frames.shape, np.float32)
    return to_bytes(frames + sigma * noise)


def flicker_gain(frames: np.ndarray, percent: float, generator: np.random.Generator) -> np.ndarray:
    """Each frame's brightness multiplied by its own random gain."""
    gains = 1 + percent / 100 * generator.standard_normal(len(frames)).astype(np.float32)
    return to_bytes(frames * gains[:, None, None, None])


def flicker_texture(
    frames: np.ndarray, amount: float, generator: np.random.Generator
) -> np.ndarray:
    """Fine texture grows and fades at random from frame to frame, place by place."""
    out = np.empty_like(frames)
    for t, frame in enumerate(frames):
        fine = frame - cv2.GaussianBlur(frame, (0, 0), 3.0).astype(np.float32)
        gain = amount * smooth_field(frame.shape[:2], 1, 6, generator)
        out[t] = to_bytes(frame + fine * gain)
    return out


def swim(frames: np.ndarray, pixels: float, generator: np.random.Generator) -> np.ndarray:
    """Every frame displaced by its own smooth random field: texture crawls over the shapes."""
    fields = [smooth_field(frames.shape[1:3], 2, 8, generator) for _ in frames]
    return np.stack([displace(f, pixels * d) for f, d in zip(frames, fields, strict=True)])


def shuffle(frames: np.ndarray, share: float, generator: np.random.Generator) -> np.ndarray:
    """A share of the frames put into a random order."""
    chosen = np.sort(generator.permutation(len(frames))[: max(2, round(share * len(frames)))])
    out = frames.copy()
    out[chosen] = frames[generator.permutation(chosen)]
    return out


def jitter(frames: np.ndarray, pixels: float, generator: np.random.Generator) -> np.ndarray:
    """The camera shakes: every frame shifted by its own random amount."""
    h, w = frames.shape[1:3]
    shifts = pixels * generator.standard_normal((len(frames), 1, 1, 2)).astype(np.float32)
    return np.stack(
        [displace(f, np.broadcast_to(s, (h, w, 2))) for f, s in zip(frames, shifts, strict=True)]
    )


def teleport(frames: np.ndarray, share: float, generator: np.random.Generator) -> np.ndarray:
    """From a middle frame on, what is in a window stands elsewhere, by a share of the width.

    The displacement is smooth and zero outside the window, so nothing is torn.
    """
    h, w = frames.shape[1:3]
    middle = middle_frame(frames, generator)
    angle = generator.uniform(0, 2 * np.pi)
    vector = share * w * np.array([np.cos(angle), np.sin(angle)], np.float32)
    center = generator.uniform(0.35, 0.65, 2)
    field = bump((h, w), center, 0.45)[..., None] * vector
    moved = [displace(frame, field) for frame in frames[middle:]]
    return np.concatenate([frames[:middle], np.stack(moved)])


def cut(frames: np.ndarray, _: float, generator: np.random.Generator) -> np.ndarray:
    """From a middle frame on, another shot: the same footage turned, in other colors."""
    middle = middle_frame(frames, generator)
    return np.concatenate([frames[:middle], tinted(frames[middle:, ::-1, ::-1])])


def drift_identity(frames: np.ndarray, amount: float, generator: np.random.Generator) -> np.ndarray:
    """What is in a window turns steadily into something else: mirrored, in other colors."""
    h, w = frames.shape[1:3]
    mask = np.minimum(1, amount * bump((h, w), generator.uniform(0.4, 0.6, 2), 0.9))[..., None]
    out = np.empty_like(frames)
    for t, frame in enumerate(frames):
        share = mask * (t / max(len(frames) - 1, 1))
        out[t] = to_bytes(frame * (1 - share) + tinted(frame[:, ::-1]) * share)
    return out


def drift_hue(frames: np.ndarray, degrees: float, _: np.random.Generator) -> np.ndarray:
    """The hue of everything turns steadily."""
    out = np.empty_like(frames)
    for t, frame in enumerate(frames):
        hsv = cv2.cvtColor(frame, cv2.COLOR_RGB2HSV).astype(np.int16)
        hsv[..., 0] = (hsv[..., 0] + round(degrees / 2 * t / max(len(frames) - 1, 1))) % 180
        out[t] = cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2RGB)
    return out


def collapse(frames: np.ndarray, pixels: float, generator: np.random.Generator) -> np.ndarray:
    """Shapes melt: a smooth random displacement that grows steadily to `pixels` (rms)."""
    field = smooth_field(frames.shape[1:3], 2, 7, generator)
    growth = pixels * np.linspace(0, 1, len(frames), dtype=np.float32)
    return np.stack([displace(f, g * field) for f, g in zip(frames, growth, strict=True)])


def blur_more(frames: np.ndarray, sigma: float, _: np.random.Generator) -> np.ndarray:
    """Gaussian blur that grows steadily to `sigma` pixels."""
    sigmas = np.linspace(0, sigma, len(frames))
    blurred = [
        cv2.GaussianBlur(f, (0, 0), s) if s > 0.1 else f
        for f, s in zip(frames, sigmas, strict=True)
    ]
    return np.stack(blurred)


def noise_and_mean(frames: np.ndarray, sigma: float, generator: np.random.Generator) -> np.ndarray:
    """Noise, then a moving average over five frames: the smoothing of exercise 36.1.1."""
    noisy = frames + sigma * generator.standard_normal(frames.shape, np.float32)
    padded = np.pad(noisy, ((2, 2), (0, 0), (0, 0), (0, 0)), mode="edge")
    return to_bytes(np.mean([padded[i : i + len(frames)] for i in range(5)], axis=0))


def stutter(frames: np.ndarray, period: float, _: np.random.Generator) -> np.ndarray:
    """Each `period`-th frame repeats the one before it."""
    index = np.arange(len(frames))
    held = (index % round(period)) == round(period) - 1
    return frames[np.where(held, index - 1, index).clip(0)]


def freeze(frames: np.ndarray, _: float, __: np.random.Generator) -> np.ndarray:
    """The first frame, for ever."""
    return np.repeat(frames[:1], len(frames), axis=0)


def freeze_with_noise(
    frames: np.ndarray, sigma: float, generator: np.random.Generator
) -> np.ndarray:
    """The first frame, for ever, with a little noise on it."""
    return add_noise(freeze(frames, 0, generator), sigma, generator)


def freeze_late(frames: np.ndarray, share: float, _: np.random.Generator) -> np.ndarray:
    """The last `share` of the clip stands still."""
    stop = max(1, round(len(frames) * (1 - share)))
    return frames[np.minimum(np.arange(len(frames)), stop - 1)]


def loop(frames: np.ndarray, times: float, _: np.random.Generator) -> np.ndarray:
    """The beginning of the clip, repeated `times` times."""
    return frames[np.arange(len(frames)) % max(4, len(frames) // round(times))]


def drop_frames(frames: np.ndarray, share: float, generator: np.random.Generator) -> np.ndarray:
    """A share of the frames is missing; the end is filled by playing the others again, reversed."""
    keep = np.sort(generator.permutation(len(frames))[round(share * len(frames)) :])
    order = np.concatenate([keep, keep[::-1][1:]])[: len(frames)]
    return frames[np.resize(order, len(frames))]


def double_frames(frames: np.ndarray, share: float, generator: np.random.Generator) -> np.ndarray:
    """A share of the frames, chosen at random, repeats the one before."""
    held = 1 + generator.permutation(len(frames) - 1)[: max(1, round(share * len(frames)))]
    index = np.arange(len(frames))
    index[held] -= 1
    return frames[index]


def reverse(frames: np.ndarray, _: float, __: np.random.Generator) -> np.ndarray:
    """Time runs backwards."""
    return frames[::-1].copy()


def pump(frames: np.ndarray, percent: float, generator: np.random.Generator) -> np.ndarray:
    """Brightness swells and fades slowly, once in twelve frames."""
    phase = generator.uniform(0, 2 * np.pi)
    gains = 1 + percent / 100 * np.sin(2 * np.pi * np.arange(len(frames)) / 12 + phase)
    return to_bytes(frames * gains.astype(np.float32)[:, None, None, None])


def wobble(frames: np.ndarray, pixels: float, generator: np.random.Generator) -> np.ndarray:
    """Rolling-shutter wobble: rows shifted sideways by a wave whose phase is new in every frame."""
    h, w = frames.shape[1:3]
    rows = np.arange(h, dtype=np.float32)[:, None] / h
    out = np.empty_like(frames)
    for t, frame in enumerate(frames):
        field = np.zeros((h, w, 2), np.float32)
        field[..., 0] = pixels * np.sin(4 * np.pi * rows + generator.uniform(0, 2 * np.pi))
        out[t] = displace(frame, field)
    return out


def vanish(frames: np.ndarray, share: float, generator: np.random.Generator) -> np.ndarray:
    """From a middle frame on, an area is covered by what stands beside it: something is gone."""
    return copy_area(frames, share, generator, middle_frame(frames, generator))


def duplicate(frames: np.ndarray, share: float, generator: np.random.Generator) -> np.ndarray:
    """For a few middle frames, an area stands in the picture twice."""
    middle = middle_frame(frames, generator)
    copied = copy_area(frames, share, generator, middle)
    copied[middle + max(2, len(frames) // 8) :] = frames[middle + max(2, len(frames) // 8) :]
    return copied


def upscale(frames: np.ndarray, factor: float, _: np.random.Generator) -> np.ndarray:
    """Shrunk by `factor` and enlarged again: the detail is gone, the size is not."""
    h, w = frames.shape[1:3]
    small = (max(2, round(w / factor)), max(2, round(h / factor)))
    shrunk = [cv2.resize(frame, small, interpolation=cv2.INTER_AREA) for frame in frames]
    return np.stack([cv2.resize(s, (w, h), interpolation=cv2.INTER_CUBIC) for s in shrunk])


def watermark(frames: np.ndarray, opacity: float, _: np.random.Generator) -> np.ndarray:
    """A word across the middle that does not move with the picture."""
    return lettered("KINEMA", frames, opacity, 0.55)


def subtitle(frames: np.ndarray, opacity: float, _: np.random.Generator) -> np.ndarray:
    """A line at the bottom that changes once."""
    half = len(frames) // 2
    first = lettered("and then the ball", frames[:half], opacity, 0.92)
    return np.concatenate([first, lettered("rolls behind the cube", frames[half:], opacity, 0.92)])


CORRUPTIONS: dict[str, Corruption] = {
    "noise": Corruption(add_noise, "noise", (4, 8, 16), "gray levels"),
    "gain flicker": Corruption(flicker_gain, "flicker", (1.5, 3, 6), "percent"),
    "texture flicker": Corruption(flicker_texture, "flicker", (0.3, 0.6, 1.2), "gain"),
    "swimming": Corruption(swim, "swimming", (0.75, 1.5, 3), "pixels"),
    "shuffle": Corruption(shuffle, "shuffle", (0.5, 1, 1), "share of frames"),
    "jitter": Corruption(jitter, "jitter", (1, 2, 4), "pixels"),
    "teleport": Corruption(teleport, "teleport", (0.06, 0.12, 0.24), "share of the width"),
    "cut": Corruption(cut, "cut", (1, 1, 1), ""),
    "identity drift": Corruption(drift_identity, "drift", (0.5, 1, 2), "share"),
    "geometry collapse": Corruption(collapse, "collapse", (2, 4, 8), "pixels"),
    "growing blur": Corruption(blur_more, "blur", (1, 2, 4), "pixels"),
    "noise then mean": Corruption(noise_and_mean, "noise", (10, 20, 40), "gray levels"),
    "stutter": Corruption(stutter, "stutter", (5, 3, 2), "frames"),
    "frozen": Corruption(freeze, "frozen", (1, 1, 1), ""),
    "frozen with noise": Corruption(freeze_with_noise, "frozen", (0.5, 1, 2), "gray levels"),
    "frozen late": Corruption(freeze_late, "frozen", (0.3, 0.5, 0.7), "share of frames"),
    "loop": Corruption(loop, "frozen", (2, 3, 4), "times"),
    "compression": Corruption(codec_faults.compress, "blur", (34, 40, 46), "crf"),
    "dropped frames": Corruption(drop_frames, "stutter", (0.1, 0.2, 0.4), "share of frames"),
    "doubled frames": Corruption(double_frames, "stutter", (0.1, 0.2, 0.4), "share of frames"),
    "time reversal": Corruption(reverse, "", (1, 1, 1), ""),
    "pumping": Corruption(pump, "flicker", (3, 6, 12), "percent"),
    "rolling shutter": Corruption(wobble, "jitter", (1, 2, 4), "pixels"),
    "vanished object": Corruption(vanish, "teleport", (0.15, 0.25, 0.4), "share of the height"),
    "duplicated object": Corruption(duplicate, "teleport", (0.15, 0.25, 0.4), "share of height"),
    "hue drift": Corruption(drift_hue, "drift", (30, 60, 120), "degrees"),
    "upscaled": Corruption(upscale, "blur", (1.5, 2.5, 4), "times"),
    "watermark": Corruption(watermark, "", (0.2, 0.4, 0.8), "opacity"),
    "subtitle": Corruption(subtitle, "", (0.5, 0.75, 1), "opacity"),
}


def displace(frame: np.ndarray, field: np.ndarray) -> np.ndarray:
    """frame(x + field(x)), bicubic, the border continued by reflection."""
    h, w = field.shape[:2]
    x = field[..., 0].astype(np.float32) + np.arange(w, dtype=np.float32)
    y = field[..., 1].astype(np.float32) + np.arange(h, dtype=np.float32)[:, None]
    return cv2.remap(frame, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)


def tinted(frames: np.ndarray) -> np.ndarray:
    """Color channels exchanged, and a warm tint that gray things take on too."""
    return to_bytes(frames[..., [1, 2, 0]] * np.array([1.2, 0.9, 0.6], np.float32))


def smooth_field(
    size: tuple[int, int], channels: int, waves: float, generator: np.random.Generator
) -> np.ndarray:
    """Smooth random field (h w channels) of unit variance, about `waves` bumps across."""
    h, w = size
    blur = min(h, w) / waves / 2
    noise = generator.standard_normal((h, w, channels), np.float32)
    field = cv2.GaussianBlur(noise, (0, 0), blur, borderType=cv2.BORDER_REFLECT)
    field = field.reshape(h, w, channels)
    return field / (field.std() + 1e-6)


def bump(size: tuple[int, int], center: np.ndarray, width: float) -> np.ndarray:
    """A smooth hill (h w) of height 1 that is zero beyond `width` / 2 of the picture."""
    h, w = size
    y, x = np.mgrid[:h, :w].astype(np.float32)
    distance = np.hypot((x / w - center[0]) / (width / 2), (y / h - center[1]) / (width / 2))
    return np.clip(1 - distance**2, 0, 1) ** 2


def copy_area(
    frames: np.ndarray, share: float, generator: np.random.Generator, start: int
) -> np.ndarray:
    """From frame `start` on, copy a square from one side of the picture to the other."""
    h, w = frames.shape[1:3]
    side = max(4, round(share * h))
    y = int(generator.integers((h - side) // 4, 3 * (h - side) // 4 + 1))
    left = int(generator.integers(0, max(1, w // 2 - side)))
    right = int(generator.integers(w // 2, max(w // 2 + 1, w - side)))
    out = frames.copy()
    out[start:, y : y + side, right : right + side] = frames[
        start:, y : y + side, left : left + min(side, w - right)
    ]
    return out


def lettered(text: str, frames: np.ndarray, opacity: float, height: float) -> np.ndarray:
    h, w = frames.shape[1:3]
    layer = np.zeros((h, w), np.uint8)
    scale = 0.8 * w / cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 1.0, 2)[0][0]
    thickness = max(1, round(2 * scale))
    place = (round(0.1 * w), round(height * h))
    cv2.putText(layer, text, place, cv2.FONT_HERSHEY_SIMPLEX, scale, 255, thickness, cv2.LINE_AA)
    share = opacity * layer[..., None].astype(np.float32) / 255
    return to_bytes(frames * (1 - share) + 255 * share)


def middle_frame(frames: np.ndarray, generator: np.random.Generator) -> int:
    """A frame in the middle third of the clip."""
    return int(
        generator.integers(len(frames) // 3, max(len(frames) // 3 + 1, 2 * len(frames) // 3))
    )


def to_bytes(frames: np.ndarray) -> np.ndarray:
    return np.clip(np.round(frames), 0, 255).astype(np.uint8)
