import torch

from kinema.codecs import CausalVAE, CausalVAEConfig
from kinema.training import Loop, Position, train
from kinema.training.sources import WorldClips
from studies.ladder.task import (
    FrameLatents,
    decode_frames,
    encode_frames,
    kept_bytes,
    measure_cost,
)

CODEC = CausalVAEConfig(channels=4, widths=(8, 16), encoder_depth=(1, 1), decoder_depth=(1, 1))


def test_every_frame_is_coded_alone():
    torch.manual_seed(0)
    codec = CausalVAE(CODEC).eval()
    frames = torch.rand(2, 3, 4, 16, 16) * 2 - 1
    with torch.no_grad():
        latents = encode_frames(codec, frames)
        assert latents.shape[2] == 4
        torch.testing.assert_close(
            latents[:, :, 2:3], codec.encode(frames[:, :, 2:3]), rtol=1e-4, atol=1e-5
        )
        decoded = decode_frames(codec, latents)
    assert decoded.shape == frames.shape


def test_latents_of_a_world(tmp_path):
    torch.manual_seed(0)
    CausalVAE(CODEC).save_pretrained(tmp_path)
    source = FrameLatents(WorldClips(num_frames=3, size=16, num_clips=8), str(tmp_path))
    tensors, captions = source.make([5, 2])
    assert tensors["latents"].shape[:3] == (2, 4, 3) and len(captions) == 2
    alone, _ = source.make([2])
    assert torch.equal(alone["latents"][0], tensors["latents"][1])


def test_a_rung_learns_and_comes_back(task, tmp_path):
    before = task.validate()["loss"]
    loop = Loop(num_samples=64, batch_size=8, warmup=8, validate_every=10**9, averages=(0.1,))
    train(task, loop, tmp_path / "run")
    assert task.validate()["loss"] < before
    trained = task.validate()["loss"]
    for parameter in task.network.parameters():
        torch.nn.init.zeros_(parameter)
    task.load(tmp_path / "run" / "final")
    assert task.validate()["loss"] == trained


def test_two_seeds_draw_other_clips(task):
    with torch.no_grad():
        losses = []
        for seed in (0, 0, 1):
            torch.manual_seed(9)
            task.data.seed = seed
            losses.append(task.loss(Position(step=3), 4, slice(None))[0].item())
    assert losses[0] == losses[1] != losses[2]


def test_what_backward_needs_is_counted_once():
    x = torch.randn(1000, requires_grad=True)
    assert kept_bytes(lambda: (x * x).sum()) == 4000  # x twice, one storage
    assert kept_bytes(lambda: (x * 2).sum()) == 0


def test_the_cost_of_a_step(task):
    cost = measure_cost(task, batch_size=2, num_steps=1)
    assert cost.parameters == sum(p.numel() for p in task.network["denoiser"].parameters())
    assert cost.gflops > 0 and cost.seconds > 0 and cost.megabytes > 0
    assert all(parameter.grad is None for parameter in task.network.parameters())
