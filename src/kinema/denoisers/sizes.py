"""Named sizes: the options of a configuration beside its defaults, to be changed by `replace`."""

from kinema.denoisers.dit import DiTConfig
from kinema.denoisers.unet import UNetConfig
from kinema.denoisers.uvit import UViTConfig

# Comments: parameters with text, and GFLOP a forward pass of latents 16 x 9 x 8 x 8 with 20 words.
SIZES = {
    "dit-tiny": DiTConfig(dim=128, depth=4, num_heads=2),
    "dit-small": DiTConfig(dim=256, depth=6, num_heads=4),
    "dit-base": DiTConfig(dim=384, depth=8, num_heads=6),
    "unet-small": UNetConfig(dims=(128, 192), num_blocks=2),
    "uvit-small": UViTConfig(conv_dim=96, num_blocks=1, dim=256, depth=5),
}
