"""`kinema distance A B`: how far is a set of clips from another, beside how far real is from real?

docs/distance.md has the preprocessing of each feature space. A Frechet video distance depends on
all of it, so all of it is printed.
"""

import hashlib
import json as json_format
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from kinema import clips, storage
from kinema.checks.files import VIDEO_SUFFIXES
from kinema.errors import Notice, UserError, nearest
from kinema.metrics.features.distances import FEATURES, Distance, frechet_interval, kernel_distance

WEIGHTLESS = list(FEATURES)
NEEDS_WEIGHTS = {
    "i3d": "a file: i3d_torchscript.pt or rgb_imagenet.pt",
    "videomae": "a folder or a hub id of transformers' VideoMAE",
    "clip": "a folder or a hub id of transformers' CLIP",
}
Extract = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Looking:
    """How clips become features: everything on which the number depends."""

    features: str  # motion, change, appearance, i3d, videomae or clip
    weights: str = ""  # a file or a folder; "" for the first three
    num_frames: int = 16  # of each clip, from its beginning
    resize: str = "squash"  # of I3D, "squash" or "crop"
    device: str = "cpu"  # "cpu" or "cuda"

    def __post_init__(self) -> None:
        known = [*WEIGHTLESS, *NEEDS_WEIGHTS]
        if self.features not in known:
            hint = nearest(self.features, known)
            raise UserError(f"There are no features {self.features!r}; {hint}")
        needs = NEEDS_WEIGHTS.get(self.features)
        if needs and not self.weights:
            raise UserError(f"--features {self.features} needs --weights: {needs}.")
        if self.weights and not needs:
            raise UserError(f"--features {self.features} takes no weights: leave --weights out.")
        if self.resize not in ("squash", "crop") or (self.resize, needs) == ("crop", None):
            raise UserError(f"--resize is {self.resize!r}: squash or crop, and crop with i3d only.")
        if self.num_frames < 2 or (self.features == "i3d" and self.num_frames < 10):
            least = 10 if self.features == "i3d" else 2
            raise UserError(f"--num-frames is {self.num_frames}: it must be at least {least}.")

    def extract(self) -> Extract:
        """Make the function from frames (f h w 3) to features (d,)."""
        if self.features == "i3d":
            from kinema.metrics.features.i3d import i3d_features

            network = i3d_features(self.weights, self.resize, self.device)
            return lambda frames: features_by(network, frames)
        if self.features == "videomae":
            from kinema.metrics.features.videomae import videomae_features

            mae = videomae_features(self.weights, self.device)
            if mae.num_frames != self.num_frames:
                raise UserError(
                    f"{self.weights} takes clips of {mae.num_frames} frames: give --num-frames "
                    f"{mae.num_frames}."
                )
            return lambda frames: features_by(mae, frames)
        if self.features == "clip":
            from kinema.metrics.features.encoders import image_encoder

            encoder = image_encoder(self.weights, self.device)
            return lambda frames: encoder.images(list(frames)).mean(0)
        return FEATURES[self.features]


@dataclass(frozen=True)
class SetDistance:
    """What was measured in one feature space."""

    looking: Looking
    digest: str  # first 12 digits of the weights' SHA-256, "" without a local file
    fps: tuple[float, float]  # median frame rate of each set
    kernel: Distance  # unbiased cubic MMD times 1000
    frechet: Distance | None  # None below as many clips as features
    refusal: str = ""  # why there is no Frechet distance


def set_distance(
    files: list[Path],
    against: list[Path],
    looking: Looking,
    progress: Callable[[], object] | None = None,
) -> SetDistance:
    """Measure how far the clips of `files` are from those of `against`; call `progress` after each.

    Raises:
        UserError: if the weights are wrong, or fewer than 16 clips of a side can be used.
    """
    extract = looking.extract()
    found = [list(each_feature(side, looking, extract, progress)) for side in (files, against)]
    a, b = (np.array([features for features, _ in side]) for side in found)
    kernel, frechet, refusal = kernel_distance(a, b), None, ""
    rates = [float(np.median([fps for _, fps in side])) for side in found]
    try:
        frechet = frechet_interval(a, b)
    except UserError as error:
        refusal = str(error)
    digest, fps = weights_digest(looking.weights), (rates[0], rates[1])
    return SetDistance(looking, digest, fps, kernel, frechet, refusal)


def run(
    files: str, against: str, looking: list[Looking], json: str | None = None, quiet: bool = False
) -> list[SetDistance]:
    """Print, and write as JSON ("-" for the terminal), the distances of two folders of videos."""
    from rich.console import Console
    from rich.progress import Progress

    made, real = videos_in(files), videos_in(against)
    silent = quiet or json == "-"
    with Progress(console=Console(stderr=True), transient=True, disable=silent) as bar:
        task = bar.add_task("looking", total=len(looking) * (len(made) + len(real)))
        found = [set_distance(made, real, how, lambda: bar.advance(task)) for how in looking]
    if not silent:
        print("\n".join(line for one in found for line in lines(one)))
    text = json_format.dumps({"schema": 1, "distances": [as_json(one) for one in found]}, indent=1)
    if json == "-":
        print(text)
    elif json is not None:
        storage.write_bytes(json, text.encode())
    return found


def lines(one: SetDistance) -> Iterator[str]:
    """Yield what is printed of one feature space."""
    how, (n, m) = one.looking, one.kernel.num_clips
    rates = " and ".join(f"{fps:g}" for fps in one.fps)
    about = f"{n} against {m} clips, {how.num_frames} frames at {rates} fps"
    if one.digest:
        about += f", {how.resize}, " if how.features == "i3d" else ", "
        about += f"weights {Path(how.weights).name} {one.digest}"
    yield f"{how.features}: {about}"
    yield f"    kernel   {distance_in_words(one.kernel)}"
    if one.frechet is None:
        yield f"    frechet  - {one.refusal}"
    else:
        told = distance_in_words(one.frechet)
        yield f"    frechet  {told}, both of {one.frechet.num_resampled} clips"


def as_json(one: SetDistance) -> dict:
    """Make its entry of the JSON."""
    whole = asdict(one)
    return {**whole.pop("looking"), **whole}


def distance_in_words(distance: Distance) -> str:
    low, high = distance.interval
    floor = f"{distance.floor[0]:.4g} to {distance.floor[1]:.4g}"
    verdict = "differs" if distance.differs else "not told apart"
    return f"{distance.value:.4g} ({low:.4g} to {high:.4g}); real against real {floor}: {verdict}"


def each_feature(
    files: list[Path], looking: Looking, extract: Extract, progress: Callable[[], object] | None
) -> Iterator[tuple[np.ndarray, float]]:
    for file in files:
        try:
            fps = clips.inspect(file).fps
            frames = np.array(list(islice(clips.stream(file), looking.num_frames)))
        except UserError as error:
            warnings.warn(Notice(f"{file} is left out: {error}"), stacklevel=2)
            frames = np.empty(0)
        if 0 < len(frames) < looking.num_frames:
            note = f"{file} is left out: it has {len(frames)} of {looking.num_frames} frames."
            warnings.warn(Notice(note), stacklevel=2)
        elif len(frames):
            yield extract(frames), fps
        if progress is not None:
            progress()


def features_by(network: Callable, frames: np.ndarray) -> np.ndarray:
    import torch

    with torch.no_grad():
        return network(clips.to_tensor(frames)[None])[0].double().cpu().numpy()


def videos_in(folder: str) -> list[Path]:
    path = Path(folder)
    if not path.is_dir():
        raise UserError(f"{folder} is no folder: a distance is between two folders of videos.")
    return sorted(file for file in path.iterdir() if file.suffix.lower() in VIDEO_SUFFIXES)


def weights_digest(weights: str) -> str:
    path = Path(weights) if weights else None
    if path is None or not path.exists():
        return ""
    inside = sorted([*path.glob("*.safetensors"), *path.glob("*.bin")]) if path.is_dir() else [path]
    total = hashlib.sha256()
    for file in inside:
        with file.open("rb") as opened:
            total.update(hashlib.file_digest(opened, "sha256").digest())
    return total.hexdigest()[:12]
