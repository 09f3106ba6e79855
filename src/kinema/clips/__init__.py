"""A video as a file and as a tensor: reading, writing, data sets, contact sheets."""

from kinema.clips.clip import (
    FORMATS,
    Clip,
    Footage,
    check_stream_target,
    check_target,
    write,
    write_stream,
)
from kinema.clips.folder import ClipFolder
from kinema.clips.images import read_image
from kinema.clips.picture import fit_frames
from kinema.clips.reading import VideoInfo, inspect, read, read_metadata, stream
from kinema.clips.sheet import contact_sheet, sheet_png
from kinema.motion.tensors import to_frames, to_tensor

__all__ = [
    "FORMATS",
    "Clip",
    "ClipFolder",
    "Footage",
    "VideoInfo",
    "check_stream_target",
    "check_target",
    "contact_sheet",
    "fit_frames",
    "inspect",
    "read",
    "read_image",
    "read_metadata",
    "sheet_png",
    "stream",
    "to_frames",
    "to_tensor",
    "write",
    "write_stream",
]
