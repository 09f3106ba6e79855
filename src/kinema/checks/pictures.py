"""Small pictures for the report: a strip of the clip, and what happened at its worst moments."""

import cv2
import numpy as np

from kinema.metrics.evidence import Evidence

HEIGHT = 108  # of every picture, pixels
WIDEST = 6 * HEIGHT  # what is wider is squeezed: a JPEG ends at 65,500 pixels
STRIP_FRAMES = 10
QUALITY = 80


def strip(frames: np.ndarray) -> bytes:
    """Put ten frames, evenly spread, side by side, as JPEG."""
    chosen = np.linspace(0, len(frames) - 1, min(STRIP_FRAMES, len(frames))).round().astype(int)
    return jpeg(np.concatenate([fit_height(frames[t]) for t in chosen], axis=1))


def picture_moment(evidence: Evidence, frame: int) -> list[tuple[str, bytes]]:
    """Picture a frame, its neighbors, the motion to it, and what that leaves unexplained; JPEGs."""
    last = len(evidence) - 1
    pictures = [
        (f"frame {t:+d}" if t else "frame", jpeg(fit_height(evidence.frames[frame + t])))
        for t in (-1, 0, 1)
        if 0 <= frame + t <= last
    ]
    if last:
        pair = max(frame - 1, 0)
        pictures.append(("flow", jpeg(fit_height(flow_colors(evidence.flow.forward[pair])))))
        residual = np.abs(evidence.behind[pair] - evidence.luma[pair + 1])
        pictures.append(("residual", jpeg(fit_height(heat(residual / 64)))))
    return pictures


def flow_colors(flow: np.ndarray) -> np.ndarray:
    """Show direction as hue, speed as brightness, full at the 99 % quantile; uint8 (h w 3) RGB."""
    speed, angle = cv2.cartToPolar(flow[..., 0], flow[..., 1], angleInDegrees=True)
    value = np.clip(speed / max(float(np.quantile(speed, 0.99)), 0.5), 0, 1)
    hsv = np.stack([angle / 2, np.full_like(angle, 255), 255 * value], -1).astype(np.uint8)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)


def heat(image: np.ndarray) -> np.ndarray:
    """Show [0, 1] as black, red, yellow, white; uint8 (h w 3) RGB."""
    bytes_ = np.clip(255 * image, 0, 255).astype(np.uint8)
    return cv2.cvtColor(cv2.applyColorMap(bytes_, cv2.COLORMAP_HOT), cv2.COLOR_BGR2RGB)


def fit_height(frame: np.ndarray) -> np.ndarray:
    h, w = frame.shape[:2]
    size = (min(max(1, round(w * HEIGHT / h)), WIDEST), HEIGHT)
    return cv2.resize(frame, size, interpolation=cv2.INTER_AREA if h > HEIGHT else cv2.INTER_CUBIC)


def jpeg(frame: np.ndarray) -> bytes:
    done, data = cv2.imencode(
        ".jpg", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
    )
    assert done
    return data.tobytes()
