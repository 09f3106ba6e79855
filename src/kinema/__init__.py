"""kinema: a video diffusion system that runs complete on two CPU cores.

    import kinema
    frames = kinema.load("tabletop")("a red ball rolls to the right", seed=0).frames
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kinema.video import VideoPipeline

__version__ = "0.1.0"
__all__ = ["load", "__version__"]


def load(model: str = "tabletop") -> "VideoPipeline":
    """Load a whole text-to-video system.

    Args:
        model: the name of a system that ships ("tabletop"), a folder written by
            `save_pretrained`, or a repository on the Hugging Face hub.

    Returns:
        kinema.video.VideoPipeline: call it with a prompt.

    Raises:
        UserError: if the folder is missing, incomplete or foreign.
    """
    from kinema.video import VideoPipeline  # torch takes a second to import: not before it is used

    return VideoPipeline.from_pretrained(model)
