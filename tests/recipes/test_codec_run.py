from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from kinema.codecs import CausalVAE, CausalVAEConfig
from kinema.recipes.codec_run import CodecRun, CodecTask, num_ready, unseen
from kinema.training import Loop
from kinema.training.sources import WorldClips

DATA = WorldClips(num_frames=9, size=16, num_clips=64)
TINY = CausalVAEConfig(channels=4, widths=(16, 16), encoder_depth=(1, 1), decoder_depth=(1, 1))


def tiny_run(folder, num_samples=256) -> CodecRun:
    loop = Loop(num_samples=num_samples, batch_size=4, learning_rate=2e-3, warmup=40,
                validate_every=num_samples, averages=(0.1,))  # fmt: skip
    return CodecRun(str(folder / "run"), DATA, unseen(DATA, 8), TINY, loop=loop,
                    cache=str(folder / "cache"), workers=0)  # fmt: skip


def test_a_tiny_run_improves_on_cosines_and_writes_a_codec_that_loads(tmp_path):
    run = tiny_run(tmp_path)
    before = CodecTask(run).validate()["psnr"]
    run.train()
    task = CodecTask(run)
    task.network = CausalVAE.from_pretrained(tmp_path / "run" / "final")
    assert task.validate()["psnr"] > before + 0.5
    assert task.network.latent_scale.std() > 0  # statistics were fitted
    assert list((tmp_path / "run" / "samples").glob("*.png"))


def test_unseen_clips_are_of_the_held_out_split_and_far_seeds():
    other = unseen(DATA)
    assert other.split == "held_out" and other.seed > 10**8
    assert replace(other, split="train", seed=0, num_clips=64) == DATA


@given(st.integers(0, 10**6), st.integers(0, 10**4), st.integers(1, 10**5))
def test_the_pool_grows_with_the_run_and_never_beyond_its_clips(samples, more, num_clips):
    a, b = num_ready(samples, num_clips), num_ready(samples + more, num_clips)
    assert 0 < a <= b <= num_clips
