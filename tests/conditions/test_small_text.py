import json

import pytest
import torch

from kinema.conditions import NoText, SmallTextConfig, SmallTextEncoder
from kinema.conditions.small_text import word_tokenizer
from kinema.errors import UserError

CAPTIONS = ["A red ball rolls to the right, slowly.", "a blue cube slides to the left"]


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    config = SmallTextConfig(dim=16, depth=2, num_heads=2, max_length=8)
    encoder = SmallTextEncoder.from_corpus(CAPTIONS, config)
    for parameter in encoder.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return encoder


def test_padding_and_batch_mates_have_no_influence(encoder):
    prompts = ["a red ball", "", "a blue cube slides to the left"]
    batch = encoder(prompts)
    assert batch.tokens.shape == (3, 7, 16) and batch.mask.sum(1).tolist() == [3, 1, 7]
    for i, prompt in enumerate(prompts):
        for alone in (encoder([prompt]), encoder([prompt], length=8)):
            n = int(batch.mask[i].sum())
            torch.testing.assert_close(alone.tokens[0, :n], batch.tokens[i, :n])


def test_the_null_prompt_is_a_token_of_its_own(encoder):
    null = encoder(["", "  "])
    torch.testing.assert_close(null.tokens[0], null.tokens[1])
    assert (null.tokens[0] - encoder(["a"]).tokens[0]).abs().max() > 0.1


def test_word_order_matters_and_case_does_not(encoder):
    one, other, loud = encoder(["red ball", "ball red", "RED Ball"]).mean()
    assert (one - other).abs().max() > 1e-3
    torch.testing.assert_close(one, loud)


def test_a_word_sees_the_words_after_it(encoder):
    first = encoder(["red ball", "red cube"]).tokens[:, 0]
    assert (first[0] - first[1]).abs().max() > 1e-3


def test_unknown_words_are_named_once_in_order(encoder):
    assert encoder.unknown_words("A purple ball, and a PURPLE dog!") == ["purple", "and", "dog"]
    assert encoder.unknown_words(CAPTIONS[0]) == []
    assert encoder.unknown_words("") == []


def test_a_new_encoder_knows_nothing_of_unknown_words():
    encoder = SmallTextEncoder.from_corpus(CAPTIONS)
    unknown = encoder.tokenizer.token_to_id("<unk>")
    assert not encoder.words.weight[unknown].any()
    assert encoder.dim == 192 and encoder(["zebra"]).tokens.isfinite().all()


def test_long_prompts_are_cut(encoder):
    assert encoder(["red " * 50]).tokens.shape == (1, 8, 16)


def test_the_vocabulary_does_not_depend_on_the_order_of_captions():
    one, other = word_tokenizer(CAPTIONS), word_tokenizer(CAPTIONS[::-1])
    assert one.get_vocab() == other.get_vocab()


def test_it_comes_back_with_its_vocabulary(encoder, tmp_path):
    encoder.save_pretrained(tmp_path)
    assert (tmp_path / "tokenizer.json").is_file()
    again = SmallTextEncoder.from_pretrained(tmp_path)
    assert again.config == encoder.config
    assert torch.equal(again(["a red cube"]).tokens, encoder(["a red cube"]).tokens)
    (tmp_path / "tokenizer.json").unlink()
    with pytest.raises(UserError, match=r"tokenizer\.json is missing"):
        SmallTextEncoder.from_pretrained(tmp_path)


def test_every_weight_that_is_used_learns(encoder):
    with torch.autocast("cpu", torch.bfloat16):
        text = encoder(CAPTIONS)
    (text.tokens.float() * torch.randn_like(text.tokens.float())).sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in encoder.parameters())


def test_a_wrong_width_is_told():
    with pytest.raises(UserError, match="multiple of num_heads"):
        SmallTextConfig(dim=10, num_heads=4)
    for options in ({"num_heads": 0}, {"max_length": 0}):
        with pytest.raises(UserError, match="is 0, and must be 1 or more"):
            SmallTextConfig(**options)


def test_more_tokens_than_there_are_positions_are_refused(encoder):
    longest = encoder.config.max_length
    with pytest.raises(UserError, match="length is .* max_length of the text encoder is less"):
        encoder(["a ball"], length=longest + 1)


def test_a_cut_tokenizer_is_named(encoder, tmp_path):
    encoder.save_pretrained(tmp_path)
    file = tmp_path / "tokenizer.json"
    file.write_text(file.read_text()[:40])
    with pytest.raises(UserError, match=r"tokenizer\.json is not a tokenizer"):
        SmallTextEncoder.from_pretrained(tmp_path)


@torch.no_grad()
def test_the_encoder_is_its_formula(encoder):
    ids, _ = encoder.tokenize(["a red ball rolls"])
    x = encoder.words.weight[ids[0]] + encoder.positions[:4]  # n d
    for layer in encoder.layers:
        q, k, v = layer.qkv(layer.attention_norm(x)).chunk(3, -1)
        heads = [slice(0, 8), slice(8, 16)]
        scores = [q[:, head] @ k[:, head].T / 8**0.5 for head in heads]
        found = [s.softmax(-1) @ v[:, head] for s, head in zip(scores, heads, strict=True)]
        x = x + layer.out(torch.cat(found, -1))
        x = x + layer.down(layer.up(layer.mlp_norm(x)).relu() ** 2)
    torch.testing.assert_close(encoder(["a red ball rolls"]).tokens[0], encoder.norm(x))


def test_it_says_nothing_about_any_prompt():
    text = NoText()
    assert text(["a red ball", ""]) is None
    assert text.unknown_words("a red ball") == ["a", "red", "ball"]
    assert not list(text.parameters())


@pytest.mark.parametrize("part", ["normalizer", "pre_tokenizer"])
def test_a_tokenizer_without_one_of_its_parts_is_named(encoder, tmp_path, part):
    encoder.save_pretrained(tmp_path)
    file = tmp_path / "tokenizer.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {part: None}))
    with pytest.raises(
        UserError, match=rf"tokenizer\.json is not a word tokenizer: it lacks {part}\."
    ):
        SmallTextEncoder.from_pretrained(tmp_path)
