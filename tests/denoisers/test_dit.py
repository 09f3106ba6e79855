import pytest
import torch

from kinema.conditions import Conditions, Tokens
from kinema.denoisers import DiT, DiTConfig
from kinema.errors import UserError


def test_patches_of_several_frames_take_any_length():
    network = DiT(DiTConfig(channels=2, dim=16, depth=1, num_heads=2, patch=(2, 1, 1), text_dim=0))
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    x, t = torch.randn(2, 2, 3, 2, 2), torch.rand(2, 3)
    assert network(x, t).shape == x.shape
    # The last frame is alone in its patch, padded with itself
    doubled = network(torch.cat([x, x[:, :, -1:]], 2), torch.cat([t, t[:, -1:]], 1))
    torch.testing.assert_close(network(x, t), doubled[:, :, :3], rtol=1e-5, atol=1e-5)


def test_a_new_layer_is_the_identity():
    network = DiT(DiTConfig(channels=2, dim=16, depth=2, num_heads=2, text_dim=0))
    *vectors, _ = network.modulations(network.time(torch.rand(1, 3)), None)
    tokens = torch.randn(1, 3, 2, 2, 16)
    for block, vector in zip(network.blocks, vectors, strict=True):
        assert torch.equal(block(tokens, vector, network.angles(tokens), None), tokens)


def test_a_deepened_network_has_the_same_output_and_new_layers_learn():
    network = DiT(DiTConfig(channels=2, dim=16, depth=2, num_heads=2, attention="factorized"))
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    deeper = network.deepened(2)
    x, t = torch.randn(1, 2, 3, 4, 4), torch.rand(1, 3)
    text = Tokens(torch.randn(1, 5, 192), torch.ones(1, 5, dtype=torch.bool))
    assert deeper.config.depth == len(deeper.blocks) == 4 and network.config.depth == 2
    output = deeper(x, t, Conditions(text))
    assert torch.equal(output, network(x, t, Conditions(text)))
    output.square().sum().backward()
    new = deeper.modulation.weight.grad[12 * 16 : 24 * 16].reshape(2, 6, -1)  # l 6 (d d)
    assert (new[:, [2, 5]].abs().sum(2) > 0).all()  # the gates


@pytest.mark.parametrize(
    ("options", "reach"),
    [
        ({}, "everywhere"),
        ({"shift": False}, "nowhere"),
        ({"attention": "causal"}, "past"),
        ({"attention": "framewise"}, "frame"),
    ],
)
def test_the_shift_reaches_no_further_than_attention(options, reach):
    config = DiTConfig(channels=2, dim=16, depth=1, num_heads=2, text_dim=0, **options)
    assert DiT(config).blocks[0].shift1.reach == reach


def test_wrong_configurations_are_told():
    with pytest.raises(UserError, match="multiple of 8 x num_heads, that is of 24"):
        DiTConfig(dim=100, num_heads=3)
    with pytest.raises(UserError, match="did you mean 'factorized'"):
        DiTConfig(attention="factorised")
    for options in ({"num_heads": 0}, {"patch": (1, 0, 2)}, {"depth": 0}):
        with pytest.raises(UserError, match=f"{next(iter(options))} is 0, and must be 1 or more"):
            DiTConfig(**options)


def test_a_cache_is_fed_whole_chunks_of_attention_patches_and_mixer():
    mixer = {"kind": "attention", "frames": {"kind": "causal", "chunk": 3}, "num_heads": 2}
    options = {"channels": 2, "dim": 32, "depth": 1, "num_heads": 2, "mixer": mixer}
    assert DiT(DiTConfig(**options, attention="framewise")).chunk == 3
    causal = {"kind": "causal", "chunk": 2}
    assert DiT(DiTConfig(**options, attention=causal, patch=(2, 2, 2))).chunk == 12
