"""The real classes of transformers, small and random."""

import json

import pytest
import torch
from transformers import VideoMAEConfig, VideoMAEForVideoClassification, VideoMAEModel

from kinema.errors import UserError
from kinema.metrics.features.i3d import squash
from kinema.metrics.features.videomae import videomae_features

CONFIG = VideoMAEConfig(
    image_size=16, patch_size=8, num_frames=4, tubelet_size=2, hidden_size=16, num_hidden_layers=1,
    num_attention_heads=2, intermediate_size=16,
)  # fmt: skip


@pytest.fixture
def clip():
    return torch.rand(2, 3, 4, 20, 30, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_a_classifier_gives_what_cd_fvd_compares(clip, tmp_path):
    torch.manual_seed(0)
    model = VideoMAEForVideoClassification(CONFIG).eval()
    model.save_pretrained(tmp_path)
    seen = []
    model.classifier.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        model((squash(clip, 16).transpose(1, 2) + 1) / 2)
    features = videomae_features(tmp_path)
    assert features.num_frames == 4
    assert torch.allclose(features(clip), seen[0], atol=1e-6)


def test_a_bare_model_with_statistics_of_its_own(clip, tmp_path):
    torch.manual_seed(0)
    model = VideoMAEModel(CONFIG).eval()
    model.save_pretrained(tmp_path)
    statistics = {"image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.2, 0.1]}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(statistics))
    mean, std = (torch.tensor(values).view(3, 1, 1, 1) for values in statistics.values())
    pixels = ((squash(clip, 16) + 1) / 2 - mean) / std
    with torch.no_grad():
        expected = model(pixels.transpose(1, 2)).last_hidden_state.mean(1)
    assert torch.allclose(videomae_features(tmp_path)(clip), expected, atol=1e-5)


def test_another_model_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"config.json is missing"):
        videomae_features(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "vit"}')
    with pytest.raises(UserError, match="no VideoMAE but 'vit'"):
        videomae_features(tmp_path)
