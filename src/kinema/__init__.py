"""kinema: a video diffusion system that runs complete on two CPU cores.

import kinema
frames = kinema.load("tabletop")("a red ball rolls to the right", seed=0).frames
kinema.check(frames[0]).failures
"""

from typing import TYPE_CHECKING, Any

from kinema.renamed import install

if TYPE_CHECKING:
    from kinema.checks.clip_report import ClipReport
    from kinema.video import VideoPipeline

__version__ = "0.1.0"
__all__ = ["__version__", "check", "load"]

install()


def load(model: str = "tabletop", precision: str = "fp32") -> "VideoPipeline":
    """Load a whole text-to-video system.

    Args:
        model: the name of a system that ships ("tabletop"), a folder written by
            `save_pretrained`, or a repository on the Hugging Face hub; pipelines of diffusers too.
        precision: "fp32", in which a seed gives the same video on every machine; "bf16"; or "auto",
            whichever is faster on this one. In bf16 a video differs by a few grey levels.

    Returns:
        kinema.video.VideoPipeline: call it with a prompt.

    Raises:
        UserError: if the folder is missing, incomplete or foreign.
    """
    # torch takes a second to import: not before it is used
    from kinema.video.official import load_any

    return load_any(model, precision)


def check(source: Any, fps: float = 25.0) -> "ClipReport":
    """Say what is wrong with one clip, where, and how sure.

    Args:
        source: uint8 frames (f h w 3) as a numpy or torch array; a float tensor (c f h w) in
            [-1, 1]; or a video file.
        fps: of the frames; files bring their own.

    Returns:
        kinema.checks.check.ClipReport: `.verdict`, `.failures`, `.scores`, `.as_json()`.

    Raises:
        UserError: if there are no frames, or they are not what is said above.
    """
    from kinema.checks.check import check

    return check(source, fps)
