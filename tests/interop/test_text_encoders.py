"""The real classes of transformers, small and random, with a tokenizer made on the spot."""

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    PreTrainedTokenizerFast,
    T5Config,
    T5EncoderModel,
    UMT5Config,
    UMT5EncoderModel,
)

from kinema.errors import UserError
from kinema.interop import PretrainedTextEncoder
from kinema.video.system import load_part, save_part

WORDS = ["<pad>", "</s>", "<unk>", "a", "red", "ball", "blue", "cube"]
SMALL = {
    "vocab_size": len(WORDS),
    "d_model": 16,
    "d_kv": 8,
    "d_ff": 32,
    "num_layers": 2,
    "num_heads": 2,
}


def save_tokenizer(folder):
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(WORDS)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        "$A </s>", special_tokens=[("</s>", 1)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    ).save_pretrained(folder)


def t5():
    return T5EncoderModel(T5Config(**SMALL))


def umt5():
    return UMT5EncoderModel(UMT5Config(**SMALL))


def clip():
    return CLIPTextModel(CLIPTextConfig(
        vocab_size=len(WORDS), hidden_size=16, intermediate_size=32, num_hidden_layers=2,
        num_attention_heads=2, max_position_embeddings=16, bos_token_id=0, eos_token_id=1,
        pad_token_id=0,
    ))  # fmt: skip


@pytest.mark.parametrize("make", [t5, umt5, clip])
def test_states_of_the_real_classes(make, tmp_path):
    torch.manual_seed(0)
    model = make().eval()
    model.save_pretrained(tmp_path)
    save_tokenizer(tmp_path)
    encoder = PretrainedTextEncoder.from_pretrained(tmp_path, max_length=8)
    text = encoder(["a red ball", "", "blue cube"])
    assert text.tokens.shape == (3, 4, encoder.dim) and encoder.dim == 16
    assert text.mask.sum(1).tolist() == [4, 1, 3]
    ids = torch.tensor([[3, 4, 5, 1]])
    torch.testing.assert_close(text.tokens[:1], model(input_ids=ids).last_hidden_state)
    # A row of a batch is that row alone, whatever its padding
    alone = encoder(["blue cube"], length=6)
    assert alone.tokens.shape[1] == 6
    torch.testing.assert_close(alone.tokens[0, :3], text.tokens[2, :3], rtol=1e-4, atol=1e-5)


def test_it_is_frozen_and_cuts_long_prompts(tmp_path):
    t5().save_pretrained(tmp_path)
    save_tokenizer(tmp_path)
    encoder = PretrainedTextEncoder.from_pretrained(tmp_path, max_length=5)
    assert not any(p.requires_grad for p in encoder.parameters())
    text = encoder(["a red ball " * 9])
    assert text.tokens.shape[1] == 5 and not text.tokens.requires_grad
    assert encoder.unknown_words("anything") == []


def test_it_stays_frozen_whatever_is_trained_around_it(tmp_path):
    t5().save_pretrained(tmp_path)
    save_tokenizer(tmp_path)
    encoder = PretrainedTextEncoder.from_pretrained(tmp_path)
    torch.nn.ModuleDict({"text": encoder}).train()
    encoder.requires_grad_(True)
    assert not any(p.requires_grad for p in encoder.parameters())
    once, again = (encoder(["a red ball"]).tokens for _ in range(2))  # dropout would differ
    assert torch.equal(once, again)


def test_how_long_prompts_may_be_is_saved(tmp_path):
    t5().save_pretrained(tmp_path)
    save_tokenizer(tmp_path)
    assert PretrainedTextEncoder.from_pretrained(tmp_path).max_length == 512
    encoder = PretrainedTextEncoder.from_pretrained(tmp_path, max_length=5)
    save_part(encoder, tmp_path / "text")
    assert load_part(tmp_path, "text", "pretrained").max_length == 5


def test_the_folders_of_a_diffusers_pipeline(tmp_path):
    umt5().save_pretrained(tmp_path / "text_encoder")
    save_tokenizer(tmp_path / "tokenizer")
    encoder = PretrainedTextEncoder.from_pretrained(
        tmp_path, subfolder="text_encoder", tokenizer_subfolder="tokenizer"
    )
    assert encoder(["a ball"]).tokens.shape == (1, 3, 16)


def test_another_kind_of_model_is_refused_by_name(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "mt5"}')
    with pytest.raises(UserError, match="'mt5' is not a text encoder kinema knows; did you mean"):
        PretrainedTextEncoder.from_pretrained(tmp_path)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(UserError, match="holds no text encoder"):
        PretrainedTextEncoder.from_pretrained(tmp_path)
