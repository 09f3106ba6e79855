"""What H.264 does to a clip: the harmless re-encode, and the harmful one."""

import io

import av
import numpy as np


def compress(frames: np.ndarray, crf: float, _: np.random.Generator | None = None) -> np.ndarray:
    """Encode and decode with x264; crf 18 is invisible, 28 is small, 40 is bad.

    One call in fifty or so encodes a small clip a little differently, for the same picture and on
    one thread: x264 itself is not bit for bit the same (it is with `asm=0`).

    Args:
        frames: uint8 (f h w 3); an odd side is padded for the codec and trimmed again.
        crf: constant rate factor, 0-51.
    """
    h, w = frames.shape[1:3]
    padded = np.pad(frames, ((0, 0), (0, h % 2), (0, w % 2), (0, 0)), mode="edge")
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as output:
        stream = output.add_stream("libx264", rate=25, options={"crf": str(round(crf))})
        stream.height, stream.width = padded.shape[1:3]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1
        for frame in padded:
            # Converted here: what the encoder converts by itself differs more often.
            yuv = av.VideoFrame.from_ndarray(frame, format="rgb24").reformat(format="yuv420p")
            output.mux(stream.encode(yuv))
        output.mux(stream.encode())
    file.seek(0)
    with av.open(file, "r") as source:
        decoded = [frame.to_ndarray(format="rgb24") for frame in source.decode(video=0)]
    return np.stack(decoded)[:, :h, :w]
