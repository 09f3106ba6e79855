"""Two stages: the denoiser in the latents of the shipped codec, then the decoder on its errors.

They are the runs of `kinema train tabletop-128` and `tabletop-decoder`, with clips that the device
renders and encodes as they are asked for, and keeps.
"""

from dataclasses import dataclass, replace
from pathlib import Path

from kinema.recipes.tabletop import tabletop_128, tabletop_decoder
from kinema.training import Loop, Run
from kinema.training.kept import KeptClips
from kinema.training.loop import train
from kinema.training.sources import CodecLatents, WorldClips, unseen
from kinema.training.tasks.clip_data import LatentClips
from kinema.training.tasks.decoder import DecoderRun
from kinema.training.tasks.text_to_video import TextToVideoRun
from kinema.video.system import find_codec

ENCODED = 16  # clips that are encoded together


@dataclass(frozen=True)
class GpuTraining:
    """How much is trained, of what size, and where."""

    folder: str
    size: int  # pixels of a side
    num_samples: int  # clips that the denoiser sees
    decoder_samples: int  # clips that the decoder sees
    batch_size: int
    num_frames: int = 33
    num_clips: int = 16_384  # different clips
    num_unseen: int = 64  # clips of every validation
    device: str = "cuda"

    def rehearsal(self) -> "GpuTraining":
        """The same on the CPU, two steps of everything."""
        return replace(
            self, size=32, num_samples=4, decoder_samples=4, batch_size=2, num_frames=5,
            num_clips=8, num_unseen=2, device="cpu",
        )  # fmt: skip

    @property
    def clips(self) -> WorldClips:
        """What both are trained on."""
        size, frames = self.size, self.num_frames
        levels = (1, 2, 3, 4)
        return WorldClips(
            levels, num_frames=frames, size=size, num_clips=self.num_clips, device=self.device
        )

    @property
    def denoiser(self) -> TextToVideoRun:
        """The run of the denoiser."""
        run, data = tabletop_128(), self.clips
        size = (self.size, self.size)
        defaults = replace(run.defaults, size=size, num_frames=self.num_frames)
        loop = self.loop(run.loop, self.num_samples, self.batch_size)
        return replace(
            run, folder=f"{self.folder}/denoiser", data=data, defaults=defaults, loop=loop,
            held_out=unseen(data, self.num_unseen), first_clips=min(2_048, self.num_clips),
            prompts=run.prompts[: self.num_unseen],
        )  # fmt: skip

    @property
    def decoder(self) -> DecoderRun:
        """The run of the decoder of what the denoiser became."""
        run, data = tabletop_decoder(), self.clips
        batch_size = max(self.batch_size // 16, 1)
        return replace(
            run, folder=f"{self.folder}/decoder", system=f"{self.folder}/denoiser/final",
            data=data, held_out=unseen(data, self.num_unseen),
            loop=self.loop(run.loop, self.decoder_samples, batch_size),
        )  # fmt: skip

    def loop(self, loop: Loop, num_samples: int, batch_size: int) -> Loop:
        """A loop on the device that leaves a checkpoint every minute and validates at its end."""
        return replace(
            loop, num_samples=num_samples, batch_size=batch_size, device=self.device,
            precision="fp32" if self.device == "cpu" else "bf16", checkpoint_minutes=1.0,
            validate_every=num_samples, warmup=min(loop.warmup, num_samples // 10),
        )  # fmt: skip


def train_all(training: GpuTraining) -> Path:
    """Train both stages, or what is left of them; return the folder of the whole system."""
    if not is_done(training.denoiser):
        run = training.denoiser
        task = run.task()
        assert isinstance(task.data, LatentClips)
        task.data.clips = latents_of(training.clips, run.codec)
        task.data.unseen = latents_of(unseen(training.clips, training.num_unseen), run.codec)
        train(task, run.loop, Path(run.folder))
    if not is_done(training.decoder):
        last = training.decoder
        decoder = last.task()
        decoder.clips, decoder.unseen = KeptClips(last.data), KeptClips(last.held_out)
        train(decoder, last.loop, Path(last.folder))
    return Path(training.decoder.folder) / "final"


def is_done(run: Run) -> bool:
    """Tell whether a run has left its system."""
    return (Path(run.folder) / "final" / "system.json").is_file()


def latents_of(data: WorldClips, codec: str) -> KeptClips:
    """Latents that the device of the clips makes and keeps."""
    return KeptClips(CodecLatents(data, str(find_codec(codec)), ENCODED, data.device))
