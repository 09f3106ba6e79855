from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from kinema.codecs import AdversarialLoss, CausalVAE, CausalVAEConfig, CodecLoss
from kinema.errors import UserError
from kinema.training import Loop
from kinema.training.sources import WorldClips
from kinema.training.tasks.codec import CodecRun, CodecTask, draw_window, num_ready, unseen

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
    task.codec = CausalVAE.from_pretrained(tmp_path / "run" / "final")
    assert task.validate()["psnr"] > before + 0.5
    assert task.codec.latent_scale.std() > 0  # statistics were fitted
    assert list((tmp_path / "run" / "samples").glob("*.png"))


def test_a_game_that_was_interrupted_is_the_game_that_was_not(tmp_path, monkeypatch):
    """Discriminators and their optimizers included, bit for bit."""

    def game(name: str) -> CodecRun:
        run = tiny_run(tmp_path, 40)
        run.folder, run.loop.checkpoint_minutes = str(tmp_path / name), 0.0
        run.weights = CodecLoss(flow=0.1, perceptual=0.1)
        run.adversarial = AdversarialLoss(0.1, 0.1, start=16, dim=32, depth=1)
        return run

    game("whole").train()
    with monkeypatch.context() as patch:
        loss = CodecTask.loss

        def interrupted(task, position, *rest):
            if position.samples >= 28:
                raise KeyboardInterrupt
            return loss(task, position, *rest)

        patch.setattr(CodecTask, "loss", interrupted)
        with pytest.raises(KeyboardInterrupt):
            game("resumed").train()
    state = game("resumed").train()
    assert state.position.samples == 40
    a, b = (load_file(tmp_path / name / "checkpoint.safetensors") for name in ("whole", "resumed"))
    assert a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)
    assert any("discriminators.temporal" in name for name in a)


@given(st.integers(0, 10**6), st.sampled_from([(4, 8, 8), (8, 32, 32), (1, 3, 5)]))
def test_a_window_lies_inside_its_clip_and_holds_whole_blocks(seed, factors):
    torch.manual_seed(seed)
    run = CodecRun(data=replace(DATA, size=48), sizes=(1.0, 0.5, 0.2))
    window = draw_window(run, factors)
    for (start, count), whole in zip(
        (window.frames, window.rows, window.columns), (9, 48, 48), strict=True
    ):
        assert start >= 0 < count and start + count <= whole
    assert window.rows[1] % factors[1] == 0 and window.columns[1] % factors[2] == 0
    assert window.share((48, 48)) >= 1


@pytest.mark.parametrize("sizes", [(), (0.0,), (1.5,)])
def test_shares_that_are_none_are_refused(sizes):
    with pytest.raises(UserError, match="sizes (are shares of|is 1.5)"):
        CodecRun(sizes=sizes)


def test_principal_components_of_the_clips_are_a_better_start_than_cosines(tmp_path):
    run = tiny_run(tmp_path)
    cosines = CodecTask(run).validate()["psnr"]
    run.codec = replace(run.codec, fitted=True)
    task = CodecTask(run)
    task.fit_linear()
    assert task.validate()["psnr"] > cosines + 0.5


def test_unseen_clips_are_of_the_held_out_split_and_far_seeds():
    other = unseen(DATA)
    assert other.split == "held_out" and other.seed > 10**8
    assert replace(other, split="train", seed=0, num_clips=64) == DATA


@given(st.integers(0, 10**6), st.integers(0, 10**4), st.integers(1, 10**5))
def test_the_pool_grows_with_the_run_and_never_beyond_its_clips(samples, more, num_clips):
    a, b = num_ready(samples, num_clips), num_ready(samples + more, num_clips)
    assert 0 < a <= b <= num_clips
