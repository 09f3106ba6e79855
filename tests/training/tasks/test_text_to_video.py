import json
from dataclasses import replace

import pytest
import torch

from kinema.codecs import CausalVAE, CausalVAEConfig
from kinema.conditions import SmallTextConfig
from kinema.denoisers import DiTConfig
from kinema.errors import UserError
from kinema.training import Loop, Position, draw
from kinema.training.histories.resampling import Resampling
from kinema.training.noise_levels import NoiseLevels
from kinema.training.sources import WorldClips, unseen
from kinema.training.tasks.diffusion import DiffusionTask
from kinema.training.tasks.text_to_video import TextToVideoRun, deepened
from kinema.video import System, VideoPipeline

DATA = WorldClips(num_frames=9, size=16, num_clips=64)
TINY = CausalVAEConfig(channels=4, widths=(16, 16), encoder_depth=(1, 1), decoder_depth=(1, 1))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A tiny system, trained for a few seconds."""
    folder = tmp_path_factory.mktemp("system")
    torch.manual_seed(0)
    CausalVAE(TINY).save_pretrained(folder / "codec")
    run = TextToVideoRun(
        folder=str(folder / "run"),
        data=DATA,
        held_out=unseen(DATA, 16),
        codec=str(folder / "codec"),
        denoiser=DiTConfig(dim=64, depth=2, num_heads=2, patch=(1, 1, 1)),
        text=SmallTextConfig(dim=32, depth=1, num_heads=2),
        defaults=System(num_frames=9, size=(16, 16), num_steps=4, guidance_scale=2.0),
        loop=Loop(num_samples=800, batch_size=16, learning_rate=3e-3, warmup=80,
                  validate_every=400, averages=(0.1,)),
        cache=str(folder / "cache"),
        workers=0,
    )  # fmt: skip
    run.train()
    return run, folder / "run"


def test_the_held_out_loss_falls(trained):
    run, folder = trained
    lines = [json.loads(x) for x in (folder / "metrics.jsonl").read_text().splitlines()]
    held_out = [x["held_out_loss"] for x in lines if "held_out_loss" in x]
    with torch.no_grad():
        untrained = run.task().validate()["loss"]
    assert len(held_out) >= 2 and max(held_out) < 0.7 * untrained
    assert all(0 < x["loss"] < 10 for x in lines if "loss" in x)


def test_the_system_loads_and_samples_as_it_did_in_training(trained):
    run, folder = trained
    pipeline = VideoPipeline.from_pretrained(folder / "final")
    output = pipeline(run.prompts[0], seed=3, progress=False)
    assert output.frames.shape == (1, 9, 16, 16, 3)
    assert list((folder / "samples").glob("*.png"))


def test_training_in_the_latents_of_an_autoencoder_of_diffusers(tmp_path):
    diffusers = pytest.importorskip("diffusers")
    torch.manual_seed(0)
    vae = diffusers.AutoencoderKLLTXVideo(
        latent_channels=6, block_out_channels=(4,), decoder_block_out_channels=(4,),
        down_block_types=("LTXVideoDownBlock3D",), layers_per_block=(1, 1),
        decoder_layers_per_block=(1, 1), spatio_temporal_scaling=(True,),
        decoder_spatio_temporal_scaling=(True,), decoder_inject_noise=(False, False),
        downsample_type=("conv",), upsample_residual=(False,), upsample_factor=(1,),
    )  # fmt: skip
    vae.save_pretrained(tmp_path / "pipeline" / "vae")
    run = TextToVideoRun(
        folder=str(tmp_path / "run"), data=replace(DATA, num_clips=8),
        held_out=unseen(DATA, 4), codec=str(tmp_path / "pipeline"),
        denoiser=DiTConfig(dim=32, depth=1, num_heads=2, patch=(1, 1, 1)),
        text=SmallTextConfig(dim=32, depth=1, num_heads=2),
        defaults=System(num_frames=9, size=(16, 16), num_steps=1, guidance_scale=1.0),
        loop=Loop(num_samples=8, batch_size=4, warmup=4, validate_every=8, averages=(0.1,)),
        cache=str(tmp_path / "cache"), workers=0,
    )  # fmt: skip
    run.train()
    pipeline = VideoPipeline.from_pretrained(tmp_path / "run" / "final")
    assert pipeline.system.codec == "pretrained" and pipeline.codec.channels == 6
    assert pipeline.codec.factors == (2, 8, 8)


def test_the_system_says_what_its_clips_were(trained):
    run, _ = trained
    other = replace(run, defaults=System(num_frames=33, size=(64, 64), fps=5.0, num_steps=7))
    system = other.task().pipeline().system
    assert (system.num_frames, system.size) == (run.data.num_frames, (run.data.size,) * 2)
    assert (system.fps, system.num_steps) == (run.data.fps, 7)


def test_all_that_a_step_takes_lies_where_the_network_lies(trained):
    task = trained[0].task()
    task.network.to("meta")  # as on a GPU, a tensor left on the processor would raise
    assert task.rehearse(2).device.type == "meta"
    seen = []
    task.diffusion_loss = lambda x0, conditions, t, noise: seen.extend([x0, t, noise]) or x0.sum()
    with pytest.raises((RuntimeError, NotImplementedError), match="meta"):
        task.loss(Position(), 4, slice(None))  # whose number cannot be read
    assert {tensor.device.type for tensor in seen} == {"meta"}


def test_training_resumes_at_the_end_without_another_step(trained):
    run, _ = trained
    assert run.train().position.samples == run.loop.num_samples


def test_a_trained_system_is_trained_further(trained, tmp_path):
    run, folder = trained
    loop = replace(run.loop, num_samples=32)
    further = replace(run, init=str(folder / "final"), folder=str(tmp_path), loop=loop)
    before = further.task().network
    final = VideoPipeline.from_pretrained(folder / "final")
    for name, p in final.denoiser.named_parameters():
        assert torch.equal(before["denoiser"].get_parameter(name), p)
    after = further.train().network
    assert not torch.equal(after["text"].layers[0].up.weight, final.text.layers[0].up.weight)


def test_a_system_of_other_channels_is_refused(trained, tmp_path):
    run, folder = trained
    CausalVAE(replace(TINY, channels=6)).save_pretrained(tmp_path / "codec")
    further = replace(run, init=str(folder / "final"), codec=str(tmp_path / "codec"))
    with pytest.raises(UserError, match="works on 4 channels.*has 6"):
        further.task()


def test_a_second_stage_learns_from_resampled_histories(trained, tmp_path, monkeypatch):
    run, folder = trained
    seen = []
    levels = NoiseLevels(together=0.0, given=1.0, per_frame=0.0, max_given=2)
    stage = replace(run, init=str(folder / "final"), folder=str(tmp_path), noise=levels,
                    loop=replace(run.loop, num_samples=32), image_share=0.0,
                    resampling=Resampling(share=0.5))  # fmt: skip
    original = DiffusionTask.diffusion_loss

    def watched(self, x0, conditions, t, noise):
        seen.append((x0, t))
        return original(self, x0, conditions, t, noise)

    monkeypatch.setattr(DiffusionTask, "diffusion_loss", watched)
    stage.train()
    x0, t = seen[0]
    drawn = draw(stage.loop.seed, Position(), 16, 64)
    true = stage.task().data.clips.read(drawn)[0]["latents"].float()
    other = (x0 != true).flatten(3).any(3).any(1)  # b f
    assert not other[t > 0].any() and 2 <= other.any(1).sum() <= 14


def test_a_deeper_network_begins_as_the_one_that_was_trained(trained):
    run, folder = trained
    deeper = replace(run, init=str(folder / "final"), new_layers=2)
    network = deeper.task().network["denoiser"]
    with torch.no_grad():
        before = VideoPipeline.from_pretrained(folder / "final").denoiser.float()
        x, t = torch.randn(1, 4, 3, 2, 2), torch.full((1, 3), 0.5)
        assert network.config.depth == 4 and torch.allclose(network(x, t), before(x, t), atol=1e-6)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"new_layers": 2}, "name it with `init`"),
        ({"image_share": 0.6, "half_share": 0.5}, "together more than 1"),
    ],
)
def test_options_that_contradict_each_other_are_refused(settings, said):
    with pytest.raises(UserError, match=said):
        TextToVideoRun(**settings)


def test_only_a_dit_can_be_made_deeper():
    with pytest.raises(UserError, match="the denoiser of `init` is a Linear"):
        deepened(torch.nn.Linear(1, 1), 2)
