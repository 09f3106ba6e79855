"""The real classes of transformers, small and random, saved to a folder and loaded from it."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    CLIPConfig,
    CLIPModel,
    Dinov2Config,
    Dinov2Model,
    PreTrainedTokenizerFast,
)

from kinema.errors import UserError
from kinema.metrics.features.encoders import image_encoder, text_encoder

WORDS = ["<pad>", "</s>", "<unk>", "a", "red", "ball", "blue", "cube"]
SIZES = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1,
         "num_attention_heads": 2}  # fmt: skip
PROCESSOR = {
    "do_resize": True, "size": {"shortest_edge": 16}, "resample": 3, "do_center_crop": True,
    "crop_size": {"height": 16, "width": 16}, "do_rescale": True, "rescale_factor": 1 / 255,
    "do_normalize": True, "image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.3, 0.1],
    "do_convert_rgb": True,
}  # fmt: skip


def save_clip(folder):
    torch.manual_seed(0)
    text = {**SIZES, "vocab_size": len(WORDS), "max_position_embeddings": 8, "bos_token_id": 0,
            "eos_token_id": 1, "pad_token_id": 0}  # fmt: skip
    vision = {**SIZES, "image_size": 16, "patch_size": 8}
    model = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=8)).eval()
    model.save_pretrained(folder)
    save_processor(folder, "CLIPImageProcessor")
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(WORDS)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    ).save_pretrained(folder)
    return model


def save_processor(folder, kind):
    content = {"image_processor_type": kind, **PROCESSOR}
    (folder / "preprocessor_config.json").write_text(json.dumps(content))


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clip")
    return folder, save_clip(folder)


@pytest.fixture(scope="module")
def frames():
    return np.random.default_rng(0).integers(0, 256, (3, 16, 20, 3), dtype=np.uint8)


def pixels(frames):
    """The processor's work by hand: no resizing at this size, the middle, the statistics."""
    mean, std = np.array(PROCESSOR["image_mean"]), np.array(PROCESSOR["image_std"])
    values = (frames[:, :, 2:18] / 255 - mean) / std
    return torch.from_numpy(values).float().permute(0, 3, 1, 2)


def unit(vectors):
    return (vectors / vectors.norm(dim=1, keepdim=True)).detach().numpy()


def test_pictures_and_prompts_of_a_clip(clip, frames):
    folder, model = clip
    encoder = text_encoder(folder)
    expected = model.visual_projection(model.vision_model(pixels(frames)).pooler_output)
    np.testing.assert_allclose(encoder.images(list(frames)), unit(expected), atol=1e-5)
    ids = torch.tensor([[3, 4, 5], [3, 7, 0]])
    states = model.text_model(ids, attention_mask=torch.tensor([[1, 1, 1], [1, 1, 0]]))
    expected = unit(model.text_projection(states.pooler_output))
    found = encoder.texts(["a red ball", "a cube"])
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert encoder.texts([" ".join(WORDS * 4)]).shape == (1, 8)  # longer than it reads


def test_pictures_of_a_dino(frames, tmp_path):
    torch.manual_seed(0)
    sizes = {k: v for k, v in SIZES.items() if k != "intermediate_size"}
    model = Dinov2Model(Dinov2Config(**sizes, image_size=16, patch_size=8, mlp_ratio=1)).eval()
    model.save_pretrained(tmp_path)
    save_processor(tmp_path, "BitImageProcessor")
    expected = unit(model(pixels(frames)).last_hidden_state[:, 0])
    found = image_encoder(tmp_path).images(list(frames))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_mistakes_are_one_sentence(clip, tmp_path):
    folder, _ = clip
    with pytest.raises(UserError, match=r"config.json is missing"):
        text_encoder(tmp_path)
    with pytest.raises(UserError, match="neither a folder nor a model on the hub"):
        text_encoder(tmp_path / "none")
    (tmp_path / "config.json").write_text('{"model_type": "dinov2"}')
    with pytest.raises(UserError, match="no CLIP-type model but 'dinov2'"):
        text_encoder(tmp_path)
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    tensors = load_file(folder / "model.safetensors")
    missing = {n: t for n, t in tensors.items() if n != "text_projection.weight"}
    save_file(missing, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(UserError, match="'text_projection.weight' is missing"):
        text_encoder(tmp_path)
    save_file(tensors, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(UserError, match="lacks its"):
        text_encoder(tmp_path)
