import torch

from kinema.denoisers import UViT, UViTConfig


def test_a_new_network_hands_the_transformer_its_features_and_adds_nothing():
    network = UViT(UViTConfig(channels=2, conv_dim=16, dim=16, depth=1, num_heads=2, text_dim=0))
    features = torch.randn(1, 16, 2, 4, 4)
    assert network.transformer.config.channels == 16
    assert not network.transformer(features, torch.rand(1, 2)).any()
