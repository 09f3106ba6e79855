"""`kinema probe codec`: what a codec loses, beside simple ways to keep as many values."""

from collections.abc import Sequence

from kinema.fields import Count, Level, Name, Side
from kinema.probes.codec.probe import CodecFindings, CodecProbe, measure_codec
from kinema.probes.codec.report import report_of
from kinema.reports import check_page

__all__ = ["CodecFindings", "CodecProbe", "measure_codec", "report_of", "run"]


def run(
    files: Sequence[str] = (),
    model: Name = "tabletop",
    against: tuple[str, ...] = (),
    num_clips: Count = 64,
    num_frames: Count = 33,
    size: Side = 64,
    level: Level = 2,
    report: Name | None = None,
) -> None:
    """Measure what coding does to clips, beside baselines that keep as many values.

    Args:
        files: videos, cut into clips of `num_frames`; without any, unseen tabletop clips.
        model: a system that ships, or a folder or repository of the hub: of a system, of a codec,
            of a pipeline or an autoencoder of diffusers.
        against: further models, whose codecs are measured beside it.
        num_clips: at most this many.
        num_frames: frames of a clip.
        size: height and width of tabletop clips, or the shorter side of clips from files, in
            pixels.
        level: of the tabletop world, 1 to 4.
        report: a Markdown file to write, with .json and a contact sheet .png beside it.

    Raises:
        UserError: for a model or a file that cannot be read, or numbers that make no sense.
    """
    check_page(report)
    probe = CodecProbe(files, model, against, num_clips, num_frames, size, level)
    report_of(measure_codec(probe)).publish(report)
