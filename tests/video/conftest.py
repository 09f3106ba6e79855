"""A whole system of a few thousand random weights."""

import pytest
import torch

from kinema.codecs import CausalVAE, CausalVAEConfig, Pixels
from kinema.conditions import NoText, SmallTextConfig, SmallTextEncoder
from kinema.denoisers import DiT, DiTConfig
from kinema.video import System, VideoPipeline

CORPUS = ["a red ball rolls to the right", "behind a blue cube", "fast green cone spins"]


def tiny_pipeline(attention="full", depth=1, **system) -> VideoPipeline:
    torch.manual_seed(0)
    text = SmallTextEncoder.from_corpus(CORPUS, SmallTextConfig(dim=16, depth=1, num_heads=2))
    codec = CausalVAE(
        CausalVAEConfig(channels=4, widths=(8, 16), encoder_depth=(1, 1), decoder_depth=(1, 1))
    )
    denoiser = DiT(DiTConfig(4, dim=32, depth=depth, num_heads=2, text_dim=16, attention=attention))
    with torch.no_grad():
        for weight in denoiser.parameters():  # what starts at zero would hide the prompt
            if not weight.any():
                weight.normal_(std=0.2)
    defaults = {
        "num_frames": 9,
        "size": (16, 24),
        "num_steps": 3,
        "overlap": 5,
        "guidance_scale": 2,
    }
    return VideoPipeline(
        denoiser, codec, text, System(**{**defaults, **system}), name="tiny"
    ).eval()


@pytest.fixture(scope="session")
def pipe():
    return tiny_pipeline()


@pytest.fixture(scope="session")
def causal():
    """The same with a denoiser that sees the past only."""
    return tiny_pipeline("causal", depth=2)


@pytest.fixture(scope="session")
def textless():
    """A system that works on pixels and takes no prompt."""
    torch.manual_seed(0)
    config = DiTConfig(channels=3, dim=32, depth=1, num_heads=2, patch=(1, 8, 8), text_dim=0)
    system = System(
        prediction="x0", num_frames=8, size=(16, 16), num_steps=2, guidance_scale=1.0, overlap=3
    )
    return VideoPipeline(DiT(config), Pixels(), NoText(), system, name="textless").eval()


@pytest.fixture(scope="session")
def saved(pipe, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "tiny"
    pipe.save_pretrained(folder)
    return folder


@pytest.fixture
def make_pipeline():
    return tiny_pipeline
