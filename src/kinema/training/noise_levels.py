"""How training draws the noise level of every frame, as options of a recipe."""

from dataclasses import dataclass

from kinema.diffusion import (
    GivenFrames,
    Interpolation,
    LogitNormal,
    Mixture,
    PerFrame,
    Staircase,
    Times,
)
from kinema.errors import UserError
from kinema.fields import Count, Positive, Share


@dataclass
class NoiseLevels:
    """How training draws the noise level of every frame."""

    mean: float = 1.0  # of the logit of t; above 0 leans towards noise, where the scene is decided
    std: Positive = 1.2  # of the logit of t
    shift: Positive = 1.0  # moves times towards noise, for longer and larger clips
    together: Share = 0.7  # share of clips whose frames all have one level
    given: Share = 0.2  # share of clips whose first frames are clean (image to video, continuation)
    # share of clips in which every frame has its own level (diffusion forcing)
    per_frame: Share = 0.1
    interpolation: Share = 0.0  # share of clips whose every fourth and last latent frame is clean
    # share of clips that rise from clean to noise over four latent frames, as a rolling generation
    # sees them
    staircase: Share = 0.0
    min_given: int = 1  # fewest latent frames that are clean in clips with given frames
    max_given: Count = 3  # most latent frames that are clean
    # most noise, 0 to 1, on the given frames of every other such clip: the network learns to
    # mistrust its own history (GameNGen)
    context_noise: Share = 0.0

    def __post_init__(self) -> None:
        names = ("together", "given", "per_frame", "interpolation", "staircase")
        shares = [getattr(self, name) for name in names]
        if not all(share >= 0 for share in shares) or not sum(shares) > 0:
            raise UserError(
                f"Noise levels: {', '.join(names)} are shares of the clips, none below 0 and "
                f"not all 0, not {shares}."
            )
        if not 1 <= self.min_given <= self.max_given:
            raise UserError(
                f"`noise.min_given` is {self.min_given} and max_given {self.max_given}; they are "
                "at least 1, and max_given is not the smaller."
            )

    def mixture(self) -> Mixture:
        """The distribution of the noise levels of a clip."""
        times = LogitNormal(self.mean, self.std, self.shift)
        clean = GivenFrames(times, self.max_given, min_given=self.min_given)
        noised = GivenFrames(times, self.max_given, self.context_noise, self.min_given)
        parts: list[tuple[float, Times]] = [
            (self.together, times),
            (self.given / 2, clean),
            (self.given / 2, noised),
            (self.per_frame, PerFrame(times)),
            (self.interpolation, Interpolation(times)),
            (self.staircase, Staircase(shift=self.shift)),
        ]
        return Mixture([part for part in parts if part[0] > 0])
