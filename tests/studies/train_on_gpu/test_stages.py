"""The rehearsal goes all the way: two stages, a system that loads, and nothing done twice."""

import pytest

import kinema
from studies.train_on_gpu import GpuTraining, train_all

WHOLE = GpuTraining("", 128, 60_000, 4_000, 128)


def test_a_rehearsal_leaves_a_system_that_generates(tmp_path):
    training = GpuTraining(str(tmp_path), 128, 60_000, 4_000, 128).rehearsal()
    final = train_all(training)
    pipe = kinema.load(str(final))
    video = pipe("a red ball rolls to the right", seed=0, num_steps=1, progress=False)
    assert video.frames.shape[1:] == (5, 32, 32, 3)
    before = (tmp_path / "denoiser" / "metrics.jsonl").read_bytes()
    assert train_all(training) == final
    assert (tmp_path / "denoiser" / "metrics.jsonl").read_bytes() == before


def test_the_whole_run_is_on_the_device_in_half_precision():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("torch.cuda.is_available", lambda: True)
        runs = WHOLE.denoiser, WHOLE.decoder
    assert all(run.loop.device == run.data.device == "cuda" for run in runs)
    assert all(run.loop.precision == "bf16" for run in runs)
    assert runs[0].data.size == 128 and runs[0].defaults.size == (128, 128)
    assert runs[1].system == "/denoiser/final" and runs[1].loop.batch_size == 8
