"""`python -m studies.train_on_gpu`: a system of the tabletop from one large GPU in minutes."""

from studies.train_on_gpu.stages import GpuTraining, train_all

__all__ = ["GpuTraining", "run", "train_all"]


def run(
    folder: str = "runs/train-on-gpu",
    size: int = 128,
    num_samples: int = 60_000,
    decoder_samples: int = 4_000,
    batch_size: int = 128,
    rehearse: bool = False,
) -> None:
    """Train a denoiser and then a decoder on clips that the device renders.

    Both stages resume: run it again after an interruption, and it goes on where it was.

    Args:
        folder: receives `denoiser/` and `decoder/`, with the whole system in `decoder/final`.
        size: height and width of the clips in pixels.
        num_samples: clips that the denoiser sees.
        decoder_samples: clips that the decoder sees afterwards.
        batch_size: clips a step of the denoiser; the decoder takes a sixteenth of them.
        rehearse: whether to go all the way once on the CPU, with next to no clips.
    """
    training = GpuTraining(folder, size, num_samples, decoder_samples, batch_size)
    print(f"The system is in {train_all(training.rehearsal() if rehearse else training)}.")
