import pytest
import torch

from kinema.conditions import Conditions, Tokens
from kinema.denoisers import MMDiT, MMDiTConfig
from kinema.errors import UserError


def network() -> MMDiT:
    torch.manual_seed(0)
    network = MMDiT(MMDiTConfig(channels=2, dim=16, depth=2, num_heads=1, text_dim=4))
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return network


def test_a_new_layer_changes_neither_modality():
    new = MMDiT(MMDiTConfig(channels=2, dim=16, depth=2, num_heads=1, text_dim=4))
    video, text = torch.randn(1, 2, 3, 3, 16), torch.randn(1, 1, 1, 5, 16)
    modulations = new.modulations(torch.randn(1, 2, 16), has_text=True)
    angles = torch.zeros(18, 8)
    for block, pair in zip(new.blocks, modulations, strict=False):
        after = block(video, text, pair, angles, torch.ones(1, 5))
        assert torch.equal(after[0], video) and torch.equal(after[1], text)


def test_text_is_read_in_the_light_of_the_video():
    """What a word says in the second layer depends on what the first layer saw beside it."""
    one, seen = network(), []
    hook = one.blocks[1].text.kv.register_forward_hook(lambda _, y, __: seen.append(y[0]))
    words = Conditions(Tokens(torch.randn(1, 3, 4), torch.ones(1, 3, dtype=torch.bool)))
    for _ in range(2):
        one(torch.randn(1, 2, 2, 4, 4), torch.ones(1, 2), words)
    hook.remove()
    assert (seen[0] - seen[1]).abs().max() > 1e-3


def test_wrong_configurations_are_told():
    with pytest.raises(UserError, match="multiple of 8 x num_heads, that is of 24"):
        MMDiTConfig(dim=100, num_heads=3)
    with pytest.raises(UserError, match="text_dim is 0, and a network without text is a DiT"):
        MMDiTConfig(text_dim=0)
