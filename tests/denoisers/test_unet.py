import pytest
import torch

from kinema.denoisers import UNet, UNetConfig
from kinema.errors import UserError


def test_wrong_configurations_are_told():
    with pytest.raises(
        UserError, match="one of dims is 20, and must be a multiple of 8 x num_heads"
    ):
        UNetConfig(dims=(32, 20), num_heads=2)
    with pytest.raises(UserError, match="attention_levels is .*, and dims has the levels 0 to 1"):
        UNetConfig(dims=(32, 32), attention_levels=(2,))
    with pytest.raises(UserError, match="mixer_levels is .*, and dims has the levels 0 to 1"):
        UNetConfig(dims=(32, 32), mixer_levels=(3,))
    with pytest.raises(UserError, match="kernel is 5, and must be 1 or 3"):
        UNetConfig(dims=(32, 32), kernel=5)


def test_coarser_levels_hold_fewer_frames():
    network = UNet(
        UNetConfig(channels=2, dims=(16, 16, 16), num_blocks=1, num_heads=2, halves_time=True)
    )
    seen = []
    for level in (0, 1, 2):
        network.down[level][0].register_forward_hook(lambda _, y, __: seen.append(y[0].shape[1]))
    t = torch.rand(1, 5)
    network(torch.randn(1, 2, 5, 8, 8), t)
    assert seen == [8, 4, 2]  # padded to 8, as two halvings need
    first, second, third = network.vectors(network.time(t), None)
    torch.testing.assert_close(second[:, 0], first[:, :2].mean(1))
    torch.testing.assert_close(third[:, 1], first[:, 4:].mean(1))


@pytest.mark.parametrize("options", [{}, {"kernel": 3}, {"halves_time": True}])
def test_a_new_block_is_the_identity(options):
    network = UNet(UNetConfig(channels=2, dims=(16, 16), num_blocks=1, num_heads=2, **options))
    features, vector = torch.randn(1, 4, 3, 3, 16), torch.randn(1, 4, 32)
    for stage in (network.down[0][0], network.up[1][0]):
        assert torch.equal(stage(features, vector, None, None), features)


def test_a_cache_is_fed_whole_chunks_of_the_mixer():
    mixer = {"kind": "attention", "frames": {"kind": "causal", "chunk": 3}, "num_heads": 2}
    assert UNet(UNetConfig(2, (16,), 1, 2, (), mixer=mixer)).chunk == 3
