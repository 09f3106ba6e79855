"""Clean clips of the kinds that a ruler wrongly calls faulty.

Each maker takes a still picture, uint8 (h w 3), of at least twice the size of the clip, a number of
frames and a generator, and films it: with a pan, a zoom, a hand that holds the camera, something
that comes, goes or fills the picture, lights that are switched, a dark room, a cartoon, film grain.
"""

from collections.abc import Callable

import cv2
import numpy as np

from studies.ruler.corruptions import smooth_field, to_bytes

Maker = Callable[[np.ndarray, int, np.random.Generator], np.ndarray]
SIZE = (192, 256)  # of the clips


def texture(generator: np.random.Generator, size: tuple[int, int] = (480, 640)) -> np.ndarray:
    """Paint a picture whose detail falls with its size as that of photographs does, with shapes."""
    image = np.full((*size, 3), generator.uniform(60, 190, 3), np.float32)
    for waves in (2, 4, 8, 16, 32, 64, 128):
        gray = smooth_field(size, 1, waves, generator)
        tint = smooth_field(size, 3, waves, generator)
        image += 90 / waves**0.8 * (gray + 0.4 * tint)
    for _ in range(12):
        center = tuple(int(c) for c in generator.uniform(0, size[::-1]))
        axes = tuple(int(a) for a in generator.uniform(10, 70, 2))
        color = generator.uniform(0, 255, 3).tolist()
        cv2.ellipse(image, center, axes, float(generator.uniform(0, 180)), 0, 360, color, -1)
    return to_bytes(image + generator.normal(0, 2, image.shape))


def filmed(
    picture: np.ndarray, centers: np.ndarray, zooms: np.ndarray, rolls: np.ndarray | None = None
) -> np.ndarray:
    """Film a picture, given the center (x, y), zoom and roll (radians) of each frame."""
    h, w = SIZE
    rolls = np.zeros(len(zooms)) if rolls is None else rolls
    y, x = np.mgrid[:h, :w].astype(np.float32)
    x, y = x - (w - 1) / 2, y - (h - 1) / 2
    out = []
    for (cx, cy), zoom, roll in zip(centers, zooms, rolls, strict=True):
        c, s = np.cos(roll) / zoom, np.sin(roll) / zoom
        at = (c * x - s * y + cx).astype(np.float32), (s * x + c * y + cy).astype(np.float32)
        out.append(cv2.remap(picture, *at, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101))
    return np.stack(out)


def still_path(picture: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    h, w = picture.shape[:2]
    return np.tile([w / 2, h / 2], (count, 1)), np.ones(count)


def pan(picture: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """The camera goes on evenly, 0.3 to 4 pixels a frame."""
    angle, speed = generator.uniform(0, 2 * np.pi), np.exp(generator.uniform(-1.2, 1.4))
    centers, zooms = still_path(picture, count)
    steps = np.arange(count)[:, None] - count / 2
    return filmed(picture, centers + speed * steps * [np.cos(angle), np.sin(angle)], zooms)


def zoom(picture: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """The camera comes nearer or draws back."""
    centers, _ = still_path(picture, count)
    rate = generator.uniform(0.003, 0.02) * generator.choice([-1, 1])
    return filmed(picture, centers, 1.2 * np.exp(rate * (np.arange(count) - count / 2)))


def handheld(picture: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """A hand holds the camera: a smooth random path, a slow walk, and a little roll."""
    centers, zooms = still_path(picture, count)
    width = generator.uniform(2.5, 5)
    path = smooth_path(count, 3, width, generator)
    sway = generator.uniform(2, 5)
    return filmed(picture, centers + sway * path[:, :2], zooms, 0.006 * path[:, 2])


def smooth_path(
    count: int, channels: int, width: float, generator: np.random.Generator
) -> np.ndarray:
    """Random curves (count channels) of unit deviation whose bends take about `width` frames."""
    noise = generator.standard_normal((count + 64, channels))
    kernel = np.exp(-0.5 * (np.arange(-20, 21) / width) ** 2)
    smooth = np.stack([np.convolve(n, kernel, "same") for n in noise.T], -1)[32 : 32 + count]
    return (smooth - smooth.mean(0)) / (np.sqrt((kernel**2).sum()))


def thing(frames: np.ndarray, places: np.ndarray, sizes: np.ndarray, color: np.ndarray) -> None:
    """Draw a round thing with a shaded face into frames: places (f 2) and radii (f,), pixels."""
    y, x = np.mgrid[: frames.shape[1], : frames.shape[2]].astype(np.float32)
    for frame, (cx, cy), radius in zip(frames, places, sizes, strict=True):
        dx, dy = (x - cx) / radius, (y - cy) / radius
        cover = np.clip((1 - np.hypot(dx, dy)) * radius + 0.5, 0, 1)[..., None]
        rings = 0.8 + 0.2 * np.sin(9 * np.hypot(dx + 0.3, dy + 0.2))
        face = color * (rings * (1 - 0.35 * (dx + dy) / 1.5))[..., None]
        frame[:] = to_bytes(frame * (1 - cover) + face * cover)


def crosses(picture: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """Something large enters on one side, and leaves or stays."""
    h, w = SIZE
    frames = pan(picture, count, generator) if generator.random() < 0.4 else calm(picture, count)
    start, end = -0.35 * w, generator.uniform(0.4, 1.35) * w
    if generator.random() < 0.5:
        start, end = w - start, w - end
    xs = np.linspace(start, end, count)
    places = np.stack([xs, np.full(count, generator.uniform(0.3, 0.7) * h)], -1)
    sizes = np.full(count, generator.uniform(0.15, 0.45) * h)
    thing(frames, places, sizes, generator.uniform(30, 250, 3))
    return frames


def leaves(picture: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """Something that stood in the picture goes away."""
    return crosses(picture, count, generator)[::-1].copy()


def fills(picture: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """Something comes near until it fills the picture."""
    h, w = SIZE
    frames = calm(picture, count)
    sizes = h * np.exp(np.linspace(np.log(0.1), np.log(generator.uniform(0.6, 1.4)), count))
    places = np.tile([w * generator.uniform(0.35, 0.65), h / 2], (count, 1))
    thing(frames, places, sizes, generator.uniform(30, 250, 3))
    return frames


def calm(picture: np.ndarray, count: int) -> np.ndarray:
    return filmed(picture, *still_path(picture, count))


def switched(picture: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """A lamp is switched on or off while the camera pans."""
    frames = pan(picture, count, generator).astype(np.float32)
    gain = generator.choice([0.45, 1.5])
    frames[generator.integers(count // 3, 2 * count // 3) :] *= gain
    return to_bytes(frames)


def flashing(picture: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """A sign in the picture flashes, a tenth of it, on and off each second or so."""
    frames = pan(picture, count, generator)
    h, w = SIZE
    period, y, x = generator.integers(8, 14), *(generator.uniform(0.1, 0.6, 2) * SIZE).astype(int)
    for t in range(count):
        if t // period % 2:
            frames[t, y : y + h // 4, x : x + w // 3] |= np.uint8(192)
    return frames


def dark(picture: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """A walk through a dark room: a tenth of the light, with the noise of a sensor."""
    frames = handheld(picture, count, generator) * generator.uniform(0.08, 0.25)
    return to_bytes(frames + generator.normal(0, 1.0, frames.shape))


def cartoon(picture: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """Flat shapes before a flat background that pans; the shapes are drawn on twos."""
    h, w = SIZE
    flat = cv2.pyrMeanShiftFiltering(picture, 12, 40)
    frames = pan(flat, count, generator)
    for _ in range(3):
        color, radius = generator.uniform(0, 255, 3), generator.uniform(8, 28)
        start, end = generator.uniform(0, 1, (2, 2)) * [w, h]
        for t in range(count):
            share = (t // 2 * 2) / count
            center = tuple(int(c) for c in start + share * (end - start))
            cv2.circle(frames[t], center, int(radius), color.tolist(), -1, cv2.LINE_AA)
    return frames


def grained(picture: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """Film: soft grain of 2 to 3 gray levels over a handheld shot."""
    frames = handheld(picture, count, generator).astype(np.float32)
    grain = generator.standard_normal((count, *SIZE, 1)).astype(np.float32)
    soft = np.stack([cv2.GaussianBlur(g, (0, 0), 0.8)[..., None] for g in grain])
    return to_bytes(frames + generator.uniform(2, 3) * soft / soft.std())


MAKERS: dict[str, Maker] = {
    "pan": pan, "zoom": zoom, "handheld": handheld, "crosses": crosses, "leaves": leaves,
    "fills": fills, "switched": switched, "flashing": flashing, "dark": dark, "cartoon": cartoon,
    "grain": grained,
}  # fmt: skip
