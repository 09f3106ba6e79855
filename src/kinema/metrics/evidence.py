"""What all metrics look at: a clip at a stated working size, with its motion computed once.

Flow is most of the cost of measuring a video, so it is estimated once, lazily, on frames whose
shorter side is at most 256 pixels, and shared. At that size a score means the same for 256 px and
for 4K, and costs the same. Only sharpness is measured at the native size, as frames come in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property, wraps
from typing import TypeVar

import cv2
import numpy as np

from kinema.errors import UserError
from kinema.metrics.temporal.cuts import find_cuts
from kinema.motion import DIS, Flow, FlowMethod, optical_flow, warp
from kinema.motion.camera import Affine, fit_affine
from kinema.motion.patches import slopes
from kinema.motion.tracks import Tracks, follow, grid_points

WORKING_SIDE = 256  # shorter side in pixels; larger frames are shrunk, smaller ones left alone
SMALLEST_FLOW_SIDE = 128  # DIS matches 8 x 8 patches: smaller frames are enlarged for it
HORIZON = 32  # frames over which a track is asked to last
GRID = 32  # tracked points along the shorter side
STILL = 0.1  # pixels per frame at the working size: below this nothing moves
RARE = 0.15  # share of a clip's frames: what happens in more of them is a habit, not an event
TILE = 48  # pixels of a side of the tiles that are kept at the native size
TILES = (4, 5)  # rows and columns of them


@dataclass(frozen=True, eq=False)
class Score:
    """A number, and the curve over the frames that it sums up."""

    value: float  # the number; `float(score)` gives it too
    curve: np.ndarray  # (f,) float64, the same quantity frame by frame; NaN where it is not defined
    error: float = np.nan  # standard error of the value, where it is a mean over places

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", float(self.value))
        object.__setattr__(self, "curve", np.asarray(self.curve, np.float64))
        object.__setattr__(self, "error", float(self.error))

    def __float__(self) -> float:
        return self.value

    def stretched(self, stride: int, length: int) -> Score:
        """Hold every value of the curve for `stride` frames, over a clip of a length."""
        return Score(self.value, np.repeat(self.curve, stride)[:length])


@dataclass(frozen=True)
class Evidence:
    """A clip as the metrics see it; make it with `observe`."""

    frames: np.ndarray  # uint8 (f h w 3) at the working size
    fps: float  # frames per second
    detail: np.ndarray  # (f,) log2 variance of the Laplacian of the luma at the native size
    native_size: tuple[int, int]  # height and width of the frames that were observed
    given_flow: Flow | None = None  # exact, at the working size; otherwise estimated
    given_cuts: tuple[int, ...] | None = None  # first frames of new shots; otherwise found
    flow_method: FlowMethod | None = None  # estimates motion that is not given; DIS unless set
    tiles: np.ndarray | None = None  # uint8 (f n 48 48) native luma; None if nothing was shrunk

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def reduction(self) -> float:
        """How many native pixels are one pixel at the working size, along a side."""
        return min(self.native_size) / min(self.frames.shape[1:3])

    @cached_property
    def luma(self) -> np.ndarray:
        """Gray levels (f h w) float32."""
        gray = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in self.frames]
        return np.asarray(gray, np.float32)

    @cached_property
    def gradient(self) -> np.ndarray:
        """Length of the luma's spatial gradient (f h w) float32, gray levels per pixel."""
        return np.stack([cv2.magnitude(*slopes(image)) for image in self.luma])

    @cached_property
    def flow(self) -> Flow:
        """Motion at the working size, both ways."""
        if self.given_flow is not None:
            return self.given_flow
        if self.flow_method is not None:
            return optical_flow(self.frames, self.flow_method)
        side = min(self.frames.shape[1:3])
        enlarge = SMALLEST_FLOW_SIDE if side < SMALLEST_FLOW_SIDE else None
        return optical_flow(self.frames, DIS(short_side=enlarge))

    @cached_property
    def cuts(self) -> list[int]:
        """Indices of the first frames of new shots."""
        if self.given_cuts is not None:
            return list(self.given_cuts)
        return find_cuts(self.frames)

    @cached_property
    def joined(self) -> np.ndarray:
        """(f-1) bool: whether frames t and t+1 belong to one shot."""
        joined = np.ones(max(len(self) - 1, 0), bool)
        joined[[cut - 1 for cut in self.cuts]] = False
        return joined

    @cached_property
    def shots(self) -> list[range]:
        """The frames of each shot."""
        edges = [0, *self.cuts, len(self)]
        return [range(a, b) for a, b in zip(edges[:-1], edges[1:], strict=True)]

    @cached_property
    def grid(self) -> np.ndarray:
        """The points (rows columns 2) from which tracks set out, 32 along the shorter side."""
        size = self.frames.shape[1:3]
        return grid_points(size, max(3, round(min(size) / GRID)))

    @cached_property
    def spans(self) -> list[tuple[int, int]]:
        """First frame and the one after the last, of stretches of 4 to 32 frames within a shot."""
        return [
            (start, min(start + HORIZON, shot.stop))
            for shot in self.shots
            for start in range(shot.start, shot.stop - 3, HORIZON)
        ]

    @cached_property
    def stretches(self) -> list[tuple[int, Tracks]]:
        """First frame, and tracks of the grid, of each of the `spans`."""
        points = self.grid.reshape(-1, 2)
        return [(start, follow(self.flow, points, start, stop)) for start, stop in self.spans]

    @cached_property
    def speed(self) -> np.ndarray:
        """(f-1) pixels per frame: the mean over the fastest 5 % of the pixels of each pair."""
        return top_speed(self.flow)

    @cached_property
    def inner(self) -> np.ndarray:
        """(f-2) bool: whether frame t (from 1) lies in one shot with both of its neighbors."""
        return self.joined[:-1] & self.joined[1:]

    @cached_property
    def moving(self) -> np.ndarray:
        """(f-2) bool: `inner`, and neither neighbor is a repetition of frame t.

        A held frame stops everything at once and would be read as shake and swimming.
        """
        live = ~self.held
        return self.inner & live[:-1] & live[1:]

    @cached_property
    def held(self) -> np.ndarray:
        """(f-1) bool: frame t+1 repeats frame t although the neighboring pairs move.

        Held: the fastest 5 % move less than a fifth of what the livelier of the two neighboring
        pairs on either side does, and less than half of the median pair that moves at all.
        """
        speed = self.speed
        if len(speed) < 3:
            return np.zeros(len(speed), bool)
        padded = np.pad(speed, 2, mode="reflect" if len(speed) > 2 else "edge")
        around = np.max([padded[i : i + len(speed)] for i in (0, 1, 3, 4)], axis=0)
        lively = around > 2 * STILL
        usual = np.median(speed[speed > STILL]) if (speed > STILL).any() else 0.0
        return lively & (speed < 0.2 * around) & (speed < 0.5 * usual)

    @cached_property
    def ahead(self) -> np.ndarray:
        """(f-1 h w) float32: frame t+1 carried back to frame t along the forward flow."""
        pairs = zip(self.luma[1:], self.flow.forward, strict=True)
        return self._stack([warp(image, flow)[0] for image, flow in pairs])

    @cached_property
    def behind(self) -> np.ndarray:
        """(f-1 h w) float32: frame t carried to frame t+1 along the backward flow."""
        pairs = zip(self.luma[:-1], self.flow.backward, strict=True)
        return self._stack([warp(image, flow)[0] for image, flow in pairs])

    @cached_property
    def surprise(self) -> np.ndarray:
        """(f-2 h w) float32: frame t minus the mean of both neighbors, carried to it.

        The second difference in time along the motion: zero for anything that moves and changes
        steadily, large for what is different in one frame only.
        """
        return self.luma[1:-1] - (self.behind[:-1] + self.ahead[1:]) / 2

    @cached_property
    def acceleration(self) -> np.ndarray:
        """(f-2 h w 2) pixels per frame^2 on the grid of frame t.

        The way to the next frame plus the way to the previous one: both flows live on frame t's
        grid, so nothing has to be warped, and steady motion gives zero.
        """
        return self.flow.forward[1:] + self.flow.backward[:-1]

    @cached_property
    def camera(self) -> Affine:
        """Global motion of each pair of frames."""
        return fit_affine(self.flow.forward)

    @cached_property
    def shake(self) -> Affine:
        """Global acceleration at each inner frame."""
        return fit_affine(self.acceleration)

    def _stack(self, images: list[np.ndarray]) -> np.ndarray:
        return np.asarray(images, np.float32).reshape(-1, *self.frames.shape[1:3])


def observe(
    frames: np.ndarray | Iterable[np.ndarray] | Evidence,
    fps: float = 25.0,
    flow: Flow | None = None,
) -> Evidence:
    """Shrink a clip to the working size and measure what needs the native one.

    Args:
        frames: uint8 (f h w 3), or an iterable of uint8 (h w 3), which is never held whole at its
            native size; Evidence is returned as it is.
        fps: frames per second.
        flow: exact motion, only for frames that need no shrinking.

    Raises:
        UserError: if there is no frame, or the frames are not uint8 RGB of one size.
    """
    if isinstance(frames, Evidence):
        return frames
    glances: list[Glance] = []
    for index, frame in enumerate(frames):
        glances.append(glance(frame, index, glances[0].native_size if glances else None))
    return gather(glances, fps, flow)


Result = TypeVar("Result")


def of_frames(metric: Callable[[Evidence], Result]) -> Callable[[np.ndarray | Evidence], Result]:
    """Let a metric of evidence take frames, uint8 (f h w 3), as well."""

    @wraps(metric)
    def measured(frames: np.ndarray | Evidence) -> Result:
        return metric(observe(frames))

    return measured


@dataclass(frozen=True)
class Glance:
    """One frame as it is kept: small, with the detail it had at its native size."""

    small: np.ndarray
    detail: float
    native_size: tuple[int, int]
    tiles: np.ndarray | None = None  # uint8 (n 48 48), of frames that are shrunk


def glance(frame: np.ndarray, index: int = 0, size: tuple[int, int] | None = None) -> Glance:
    """Shrink one frame, uint8 (h w 3), and measure its detail. Cost: 6 ms at 1080p.

    Raises:
        UserError: if it is not uint8 RGB of `size`, which it must be if the clip has begun.
    """
    require_rgb(frame, index, size)
    h, w = frame.shape[:2]
    tiles = native_tiles(frame) if min(h, w) > WORKING_SIDE else None
    return Glance(shrink(frame), laplacian_detail(frame), (h, w), tiles)


def gather(glances: list[Glance], fps: float = 25.0, flow: Flow | None = None) -> Evidence:
    """Make evidence of frames that were glanced at one by one.

    Raises:
        UserError: if there is none.
    """
    if not glances:
        raise UserError("There is nothing to measure: the clip has no frame.")
    detail = np.array([one.detail for one in glances])
    small = np.stack([one.small for one in glances])
    tiles = [one.tiles for one in glances if one.tiles is not None]
    kept = np.stack(tiles) if len(tiles) == len(glances) else None
    return Evidence(small, fps, detail, glances[0].native_size, flow, tiles=kept)


def top_speed(flow: Flow) -> np.ndarray:
    """Average the fastest 5 % of the pixels of each pair, (f-1) pixels per frame."""
    n, h, w, _ = flow.forward.shape
    slow = h * w - max(1, int(h * w * 0.05))
    speeds = (np.hypot(field[..., 0], field[..., 1]).ravel() for field in flow.forward)
    return np.array([np.partition(speed, slow)[slow:].mean() for speed in speeds], np.float64)


def frame_curve(values: np.ndarray, valid: np.ndarray, length: int, first: int) -> np.ndarray:
    """Spread values over a clip's frames: NaN before `first`, after the end, where not `valid`."""
    curve = np.full(length, np.nan)
    curve[first : first + len(values)] = np.where(valid, values, np.nan)
    return curve


def trimmed_mean(curve: np.ndarray, share: float = 0.1) -> float:
    """Average without the largest `share`, so that one event is not a habit; NaN-safe.

    0 where nothing is defined: a clip too short to show a fault has not shown it.
    """
    values = np.sort(curve[np.isfinite(curve)])
    keep = max(1, round(len(values) * (1 - share)))
    return float(values[:keep].mean()) if len(values) else 0.0


def require_rgb(frame: np.ndarray, index: int, size: tuple[int, int] | None) -> None:
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
        raise UserError(
            f"Metrics look at uint8 RGB frames (h w 3); frame {index} is {frame.dtype} "
            f"{frame.shape}."
        )
    if size is not None and frame.shape[:2] != size:
        raise UserError(f"Frame {index} is {frame.shape[:2]}, the frames before it are {size}.")


def native_tiles(frame: np.ndarray) -> np.ndarray:
    """Cut tiles (n 48 48) of the luma out of a frame, evenly spread."""
    h, w = frame.shape[:2]
    rows, columns = (
        np.linspace(0, side - TILE, count).astype(int)
        for side, count in zip((h, w), TILES, strict=True)
    )
    cut = [frame[y : y + TILE, x : x + TILE] for y in rows for x in columns]
    return np.stack([cv2.cvtColor(tile, cv2.COLOR_RGB2GRAY) for tile in cut])


def shrink(frame: np.ndarray, side: int = WORKING_SIDE) -> np.ndarray:
    """Shrink a frame to a shorter side of so many pixels; a smaller one stays as it is."""
    return frame if min(frame.shape[:2]) <= side else resized(frame, side)


def resized(image: np.ndarray, side: int) -> np.ndarray:
    """Resize an image to a shorter side of so many pixels."""
    h, w = image.shape[:2]
    scale = side / min(h, w)
    size = (max(1, round(w * scale)), max(1, round(h * scale)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def true_runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """Return the half-open ranges of consecutive True values in (f,) bool."""
    edges = np.flatnonzero(np.diff(flags.astype(int), prepend=0, append=0))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def laplacian_detail(frame: np.ndarray) -> float:
    gray = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    laplacian = cv2.Laplacian(gray, cv2.CV_16S, ksize=1)
    return float(np.log2(cv2.meanStdDev(laplacian)[1][0, 0] ** 2 + 1))
