"""The rungs of the ladder: which networks are trained on which clips, and how each is sampled."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from kinema.blocks.attention import Causal, Factorized, Framewise, Full, Hybrid, Windowed
from kinema.blocks.mixers import Attention, Convolution, Pseudo3D, Recurrence
from kinema.denoisers import named_config
from studies.records import chosen


@dataclass(frozen=True)
class Track:
    """What kind of clips."""

    about: str  # what the track asks
    num_frames: int  # frames a clip
    fps: float  # frames per second; fewer make the motion from frame to frame larger


TRACKS = {
    "short": Track("what does each way of joining frames reach, and cost?", 17, 8.0),
    "long": Track("how far must attention see?", 65, 16.0),
    "fast": Track("what if things move further than a patch, 8 pixels, in a frame?", 9, 2.0),
}

ALONE = "as trained"
SHARED = "with shared noise"
AVERAGED = "and a moving average over frames"
UNMIXED = "its mixer switched off"


@dataclass(frozen=True)
class Arm:
    """A network, trained once for each seed and budget."""

    track: str  # the clips it learns, a key of TRACKS
    family: str  # of `kinema.denoisers.FAMILIES`
    # what is changed in the family's configuration
    options: dict[str, Any] = field(default_factory=dict)
    ways: tuple[str, ...] = (ALONE,)  # how it is sampled; one row of the table each

    def config(self, size: str) -> Any:
        """Return the configuration of the denoiser at a size."""
        return replace(named_config(f"{self.family}-{size}"), **self.options)


def mixed(track: str, mixer: Any, ways: tuple[str, ...] = (ALONE,)) -> Arm:
    """Return the frame-by-frame transformer with a mixer behind the attention of every layer."""
    return Arm(track, "dit", {"attention": Framewise(), "mixer": mixer}, ways)


# Patches of one latent: what moves further than that from frame to frame leaves its place.
SMALL_PATCH = {"patch": (1, 1, 1), "shift": False}

ARMS = {
    "frame by frame": Arm("short", "dit-frame", ways=(ALONE, SHARED, AVERAGED)),
    "temporal attention": mixed("short", Attention(), (ALONE, UNMIXED)),
    "causal temporal attention": mixed("short", Attention(Causal())),
    "temporal convolution": mixed("short", Convolution()),
    "pseudo-3-D convolution": mixed("short", Pseudo3D()),
    "recurrence": mixed("short", Recurrence()),
    "full attention": Arm("short", "dit"),
    "factorised attention": Arm("short", "dit-factorized"),
    "causal attention": Arm("short", "dit-causal"),
    "joint text and video attention": Arm("short", "mmdit"),
    "convolutions around a transformer": Arm("short", "uvit"),
    "U-Net, frame by frame": Arm("short", "unet-frame"),
    "U-Net, temporal attention": Arm("short", "unet", ways=(ALONE, UNMIXED)),
    "U-Net, 3-D convolution": Arm("short", "unet-3d"),
    "U-Net, time halved too": Arm("short", "unet-spacetime"),
    "U-Net, recurrence": Arm("short", "unet-recurrent"),
    "window of 4": mixed("long", Attention(Windowed(4))),
    "window of 8": mixed("long", Attention(Windowed(8))),
    "window of 16": mixed("long", Attention(Windowed(16))),
    "window of 8 and every 16th": mixed("long", Attention(Hybrid(8, 16))),
    "all frames": mixed("long", Attention(Full())),
    "full, fast motion": Arm("fast", "dit", SMALL_PATCH),
    "factorised, fast motion": Arm("fast", "dit", {**SMALL_PATCH, "attention": Factorized()}),
}


def chosen_arms(names: Sequence[str]) -> list[str]:
    """Return the named arms and all those of the named tracks, in the table's order; see `chosen`.

    Raises:
        UserError: for an unknown name; it tells the nearest.
    """
    return chosen(names, {name: (name, arm.track) for name, arm in ARMS.items()})
