"""What a run looks at, and measures, at every validation."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kinema.clips import to_frames, to_tensor
from kinema.judges.discs import read_physics
from kinema.video import VideoPipeline
from kinema.worlds.discs import DiscScene


@dataclass
class Prompts:
    """Samples of prompts, all with the same seeds."""

    prompts: Sequence[str]  # one a row
    # uint8 (h w 3), the first frame of each sample; none for text to video
    images: Sequence[np.ndarray] = ()

    def sheet(self, pipeline: VideoPipeline) -> tuple[list[np.ndarray], list[str]]:
        """One sample a prompt."""
        prompts = list(self.prompts)
        if not self.images:
            return list(pipeline(prompts, seed=0, progress=False).frames), prompts
        clips = [
            pipeline(prompt, image=image, seed=seed, progress=False).frames[0]
            for seed, (prompt, image) in enumerate(zip(prompts, self.images, strict=True))
        ]
        return clips, prompts

    def scores(self, pipeline: VideoPipeline) -> dict[str, float]:
        """None: the held-out loss says it."""
        return {}


@dataclass
class Predictions:
    """Clips of discs as the network goes on from their first frames."""

    frames: np.ndarray  # true clips, uint8 (n f h w 3)
    scenes: Sequence[DiscScene]  # what each of them shows
    given: int  # frames that the network is given

    def predict(self, pipeline: VideoPipeline, count: int) -> np.ndarray:
        """The first `count` clips as the network goes on, uint8 (n f h w 3)."""
        given = to_tensor(self.frames[:count, : self.given])
        clips = pipeline.complete(given.to(pipeline.device), self.frames.shape[1], range(count))
        return to_frames(clips)

    def sheet(self, pipeline: VideoPipeline) -> tuple[list[np.ndarray], list[str]]:
        """True and predicted clips in turn."""
        predicted = self.predict(pipeline, min(4, len(self.frames)))
        pairs = zip(self.frames, predicted, strict=False)
        return [clip for pair in pairs for clip in pair], ["true", "predicted"] * len(predicted)

    def scores(self, pipeline: VideoPipeline) -> dict[str, float]:
        """The mean velocity error of the discs that are found."""
        pairs = zip(self.predict(pipeline, len(self.frames)), self.scenes, strict=True)
        readings = [read_physics(frames, scene, self.given) for frames, scene in pairs]
        errors = [reading.velocity_error for reading in readings if reading is not None]
        return {"velocity_error": float(np.mean(errors)) if errors else float("nan")}
