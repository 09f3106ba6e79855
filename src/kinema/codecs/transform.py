"""Start a codec as the best linear one, so that training begins where transform coding ends.

A new `CausalVAE` is linear but for its residual branches, which begin at zero. Here each linear map
becomes the principal components of what reaches it (the Karhunen-Loeve transform) and its mirror in
the decoder their transpose, so that the codec keeps the best linear numbers of every block. From
random weights a video VAE takes thousands of steps to get as far.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from kinema.blocks.convolution import CausalConv3d, space_to_depth
from kinema.codecs.causal_vae import CausalVAE, Down, Up


@torch.no_grad()
def start_linear(codec: CausalVAE, frames: Tensor) -> None:
    """Set the linear maps of a new codec to the principal components of `frames`.

    Args:
        codec: as constructed: its residual branches must still be zero.
        frames: b 3 f h w in [-1, 1], clips like those of training; a hundred are plenty.

    Raises:
        UserError: if the frames have another shape or range, or there are none.
    """
    x = space_to_depth(codec.whole_blocks(frames), codec.config.fold)
    downs = [module.linear for module in codec.down if isinstance(module, Down)]
    ups = [module.linear for module in reversed(codec.up) if isinstance(module, Up)]
    encoders = [codec.fold_in, *downs, codec.to_latents]
    decoders = [codec.fold_out, *ups, codec.from_latents]
    gain = x.new_ones(x.shape[1])  # the features are the components times their gain
    for encoder, decoder in zip(encoders, decoders, strict=True):
        if encoder in downs:
            x, gain = space_to_depth(x, (1, 2, 2)), gain.repeat(4)
        width = codec.channels if encoder is codec.to_latents else encoder.out_channels
        mean, basis, spread = principal_components(x, width)
        # Latents of unit variance; features half way there, so that norms do not drown details.
        new_gain = 1 / spread if encoder is codec.to_latents else spread.rsqrt()
        x = torch.einsum("b c f h w, c d -> b d f h w", x, basis) - column(mean @ basis)
        set_linear(encoder, new_gain[:, None] * basis.T / gain, -new_gain * (mean @ basis))
        set_linear(decoder, gain[:, None] * basis / new_gain, gain * mean)
        gain = new_gain


def principal_components(x: Tensor, width: int) -> tuple[Tensor, Tensor, Tensor]:
    """The mean (c,), the first `width` components (c, width) and their deviations (width,) of x.

    x: b c f h w. Components beyond the c that exist are zero, with deviation 1.
    """
    rows = x.movedim(1, -1).flatten(0, -2).double()
    mean = rows.mean(dim=0)
    variances, vectors = torch.linalg.eigh((rows - mean).T @ (rows - mean) / len(rows))
    spread = variances.flip(0)[:width].clamp_min(1e-6).sqrt()
    basis = vectors.flip(1)[:, :width]
    missing = (0, width - len(spread))
    return mean.float(), F.pad(basis, missing).float(), F.pad(spread, missing, value=1.0).float()


def set_linear(conv: CausalConv3d, matrix: Tensor, bias: Tensor) -> None:
    """Make the first outputs of a convolution matrix @ x + bias of the same pixel and frame."""
    outputs = len(matrix)
    _, height, width = conv.kernel_size
    conv.weight[:outputs].zero_()
    conv.weight[:outputs, :, -1, height // 2, width // 2] = matrix
    conv.bias[:outputs] = bias


def column(values: Tensor) -> Tensor:
    return values.view(1, -1, 1, 1, 1)
