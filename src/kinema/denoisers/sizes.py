"""Named sizes: the options of a configuration beside its defaults, to be changed by `replace`."""

from kinema.denoisers.dit import DiTConfig
from kinema.denoisers.unet import UNetConfig
from kinema.denoisers.uvit import UViTConfig

# Behind each: parameters, and operations of a forward pass of 16 x 9 x 8 x 8 latents with 20 words.
SIZES = {
    "dit-tiny": DiTConfig(dim=128, depth=4, num_heads=2),  # 1.6 M, 0.33 GFLOP
    "dit-small": DiTConfig(dim=256, depth=6, num_heads=4),  # 9.1 M, 1.82 GFLOP
    "dit-base": DiTConfig(dim=384, depth=8, num_heads=6),  # 26.8 M, 5.30 GFLOP
    "unet-small": UNetConfig(dims=(128, 192), num_blocks=2),  # 9.1 M, 3.40 GFLOP
    "uvit-small": UViTConfig(conv_dim=96, num_blocks=1, dim=256, depth=5),  # 8.4 M, 2.05 GFLOP
}
