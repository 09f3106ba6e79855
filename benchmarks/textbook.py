"""What the usual sketches of video diffusion blocks leave out, as numbers, beside ours.

    python benchmarks/textbook.py          # seconds

Prints the table and writes it to docs/results/textbook.md.
"""

from pathlib import Path

import torch
from torch import Tensor, nn

from studies.textbook import DiTBlock, TemporalAttention, VideoUNet3D

RESULT = Path(__file__).parent.parent / "docs" / "results" / "textbook.md"
FRAMES, DIM, HEADS = 16, 64, 8


class SketchedTemporalAttention(nn.Module):
    """A norm, torch's attention and a residual, with torch's own weights."""

    def __init__(self):
        super().__init__()
        self.norm, self.attention = (
            nn.LayerNorm(DIM),
            nn.MultiheadAttention(DIM, HEADS, batch_first=True),
        )

    def forward(self, x: Tensor) -> Tensor:  # n f d
        y = self.norm(x)
        return x + self.attention(y, y, y, need_weights=False)[0]


def change(after: Tensor, before: Tensor) -> float:
    """|after - before| / |before|, in the root mean square."""
    return float((after - before).norm() / before.norm())


def insertion() -> tuple[float, float]:
    """How much a new temporal layer changes the features of an image network."""
    x = torch.randn(2, FRAMES, 8, 8, DIM)
    places = x.permute(0, 2, 3, 1, 4).flatten(0, 2)
    return change(SketchedTemporalAttention()(places), places), change(
        TemporalAttention(DIM, HEADS)(x), x
    )


def leak() -> tuple[float, float]:
    """How much clip 0 changes when only clip 1 of the batch does."""
    x, t_emb = torch.randn(2, 100, DIM), torch.randn(2, DIM)
    other = torch.stack([x[0], torch.randn(100, DIM)])
    batch_second, ours = nn.MultiheadAttention(DIM, HEADS), DiTBlock(DIM, HEADS)
    for parameter in ours.parameters():
        nn.init.normal_(parameter, std=0.1)
    theirs = [batch_second(y, y, y, need_weights=False)[0][0] for y in (x, other)]
    mine = [ours(y, t_emb)[0] for y in (x, other)]
    return change(*theirs), change(*mine)


def sight() -> tuple[float, float]:
    """How much token 0 of a clip changes when token 1 of the same clip does."""
    x, t_emb = torch.randn(1, 100, DIM), torch.randn(1, DIM)
    other = x.clone()
    other[:, 1] = torch.randn(DIM)
    batch_second, ours = nn.MultiheadAttention(DIM, HEADS), DiTBlock(DIM, HEADS)
    for parameter in ours.parameters():
        nn.init.normal_(parameter, std=0.1)
    theirs = [batch_second(y, y, y, need_weights=False)[0][:, 0] for y in (x, other)]
    mine = [ours(y, t_emb)[:, 0] for y in (x, other)]
    return change(*theirs), change(*mine)


def conv(channels_in: int, channels_out: int) -> nn.Module:
    norm = nn.GroupNorm(min(8, channels_out), channels_out)
    return nn.Sequential(nn.Conv3d(channels_in, channels_out, 3, padding=1), norm, nn.SiLU())


def hears_time_and_text() -> tuple[tuple[float, float], tuple[float, float]]:
    """How much a U-Net's output changes with the noise level, and with the text."""
    widths = [4, 32, 64, 128]
    sketch = nn.Sequential(
        *map(conv, widths, widths[1:]), *map(conv, widths[:0:-1], widths[-2::-1])
    )
    x, t, text = torch.randn(1, 4, 8, 16, 16), torch.rand(1), torch.randn(1, 7, 32)
    ours = VideoUNet3D(4, 32, context_dim=32)
    for parameter in ours.parameters():
        nn.init.normal_(parameter, std=0.1)
    before, plain = ours(x, t, text), sketch(x)  # the sketch is handed t and text, and drops both
    moved = change(ours(x, 1 - t, text), before), change(ours(x, t, -text), before)
    return (change(sketch(x), plain), moved[0]), (change(sketch(x), plain), moved[1])


def negative_share() -> tuple[float, float]:
    """Share of the output below -0.3: noise has 38 % of its values there."""
    x = torch.randn(1, 32, 4, 8, 8)
    ours = VideoUNet3D(32, 32)
    for parameter in ours.parameters():
        nn.init.normal_(parameter, std=0.1)
    shares = (y.less(-0.3).float().mean() for y in (conv(32, 4)(x), ours(x, torch.rand(1))))
    return tuple(map(float, shares))


def main() -> None:
    torch.manual_seed(0)
    torch.set_grad_enabled(False)
    time, text = hears_time_and_text()
    rows = {
        "an inserted, untrained temporal layer changes the features by": insertion(),
        "tokens first: another clip of the batch changes this clip by": leak(),
        "tokens first: another token of the clip changes this token by": sight(),
        "another noise level changes the U-Net's output by": time,
        "another text changes the U-Net's output by": text,
        "share of the U-Net's output below -0.3": negative_share(),
    }
    lines = ["| what is measured | as sketched | here |", "|---|---|---|"]
    lines += [f"| {name} | {theirs:.3f} | {ours:.3f} |" for name, (theirs, ours) in rows.items()]
    page = [
        "# What textbook sketches leave out",
        "`python benchmarks/textbook.py`",
        "Relative changes, |after - before| / |before|. *As sketched*: the block as courses and "
        "articles usually write it, with torch's default weights. *Here*: the block of the same "
        "name; where it begins as the identity (all rows but the first), with random weights.",
        "\n".join(lines),
        "Row 1: a residual path is not an identity; the way out must start at zero. Rows 2 and 3: "
        "`nn.MultiheadAttention` without `batch_first=True`, fed batch first, lets clips see each "
        "other and keeps the tokens of a clip apart, the reverse of what is meant. Rows 4 and 5: "
        "a U-Net of convolutions that drops `t` and `context` cannot know how noisy its input is. "
        "Row 6: a SiLU behind the last convolution cuts the output at -0.28, and noise, which such "
        "a network is to predict, is below -0.3 in 38 % of its values.",
    ]
    RESULT.write_text("\n\n".join(page) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
