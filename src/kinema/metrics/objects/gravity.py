"""Gravity: what flies free falls along a parabola that opens downwards, all at one rate."""

import numpy as np

from kinema.metrics.evidence import true_runs
from kinema.metrics.objects.finding import Finding, cannot_tell, needs_objects
from kinema.metrics.objects.tracks import Followed, ObjectTrack

SHORTEST = 6  # frames of a flight
LEAST_FALL = 0.4  # diameters of height that a flight covers
MOST_RESIDUAL = 0.04  # diameters: what does not follow a parabola so closely does not fly
SURELY_CURVED = 10  # frames: a shorter piece with its lowest point inside may be a bounce
STEADY_SIZE = 0.25  # octaves of area: what grows more comes nearer along the ground
SURE = 3.0  # standard errors that an upward acceleration must differ from zero by


@needs_objects("diameters/s^2 downwards", at_rest=True)
def gravity(objects: Followed) -> Finding:
    """Tell whether free flight is accelerated downwards.

    Value: the acceleration of the median flight, diameters per second^2, positive downwards; fitted
    by least squares to the height of each flight's center. Where the clip runs at another speed
    than the world, the value scales with its square; the sign does not. Flights that fall upwards
    by more than three standard errors are violations.
    """
    rates, frames = [], set()
    for track in objects.tracks:
        for times in free_flights(track):
            rate, error = fit_fall(track, times)
            rates.append(rate * objects.fps**2)
            if rate < -SURE * error:
                frames |= set(times.tolist())
    if not rates:
        return cannot_tell("nothing flies free for long enough")
    rate = float(np.median(rates))
    return Finding(not frames, rate, frames=sorted(frames), count=len(rates))


def free_flights(track: ObjectTrack) -> list[np.ndarray]:
    """Find stretches of frames in which an object follows a parabola without growing."""
    clear = track.seen & ~track.at_border
    flights = []
    for start, stop in true_runs(clear):
        while stop - start >= SHORTEST:
            length = longest_parabola(track, start, stop)
            if length:
                flights.append(np.arange(start, start + length))
            start += max(length, 1)
    return flights


def longest_parabola(track: ObjectTrack, start: int, stop: int) -> int:
    """Count the frames from `start` on that one flight explains; 0 if none does."""
    best = 0
    for end in range(start + SHORTEST, stop + 1):
        times = np.arange(start, end)
        y = track.centers[times, 1] / track.diameter
        residual = y - np.polyval(np.polyfit(times - times.mean(), y, 2), times - times.mean())
        if np.abs(residual).max() > MOST_RESIDUAL:
            break
        areas = np.log2(track.areas[times])
        bottom = 0 < int(y.argmax()) < len(y) - 1 and len(y) < SURELY_CURVED
        if np.ptp(y) >= LEAST_FALL and np.ptp(areas) <= STEADY_SIZE and not bottom:
            best = len(times)
    return best


def fit_fall(track: ObjectTrack, times: np.ndarray) -> tuple[float, float]:
    """Fit the acceleration in diameters per frame^2, downwards, and its standard error."""
    y = track.centers[times, 1] / track.diameter
    design = np.vander(times - times.mean(), 3)
    coefficients, *_ = np.linalg.lstsq(design, y, rcond=None)
    residual = y - design @ coefficients
    variance = max(residual @ residual / max(len(times) - 3, 1), 1e-6)
    error = np.sqrt(variance * np.linalg.inv(design.T @ design)[0, 0])
    return 2 * float(coefficients[0]), 2 * float(error)
