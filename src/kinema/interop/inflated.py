"""An image network made a video network: frames in the batch, temporal mixers behind its blocks.

Ho et al. 2022 (Video Diffusion Models), Guo et al. 2023 (AnimateDiff): every frame passes through
the image network as if it were an image, and between its blocks the frames learn of each other. The
mixers start as the identity, so a new video network is the image network, exactly.

Axes: b batch, c channels, f frames, h w places, n tokens, d features.
"""

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from math import lcm
from typing import Any

import torch
from einops import rearrange
from torch import Tensor, nn

from kinema.blocks.cache import Cache
from kinema.blocks.mixers import Attention, MixerSpec, chunk_of, make_mixer, mixer_spec
from kinema.conditions import Conditions
from kinema.denoisers.denoiser import check_cache
from kinema.errors import UserError, nearest
from kinema.interop.image_networks import ImageNetwork, image_network_of


class Insertion(nn.Module):
    """A mixer behind a block: takes the block's output, whatever its layout, and gives it back.

    `num_frames` and `cache` are set by `Inflated` before each pass: no image network hands them on.
    """

    def __init__(self, mixer: nn.Module):
        super().__init__()
        self.mixer = mixer
        self.num_frames = 1
        self.cache: Cache | None = None

    def hook(self, block: nn.Module, inputs: Any, output: Any) -> Any:
        """What a forward hook is called with; only the first of several outputs is mixed."""
        if isinstance(output, tuple):
            return (self(output[0]), *output[1:])
        return self(output)

    def forward(self, x: Tensor) -> Tensor:
        """(b f) d h w, (b f) n d or (b f) 1 h w d -> the same, mixed along time."""
        video, fold = LAYOUTS[x.ndim]
        sizes = {"h": x.shape[-2]} if x.ndim == 3 else {}
        y = self.mixer(rearrange(x, video, f=self.num_frames, **sizes), self.cache)
        return rearrange(y, fold)


# Layouts of a block's output by its number of axes: to b f h w d, and back.
LAYOUTS = {
    3: ("(b f) h d -> b f h 1 d", "b f h 1 d -> (b f) h d"),
    4: ("(b f) d h w -> b f h w d", "b f h w d -> (b f) d h w"),
    5: ("(b f) 1 h w d -> b f h w d", "b f h w d -> (b f) 1 h w d"),
}


class Inflated(nn.Module):
    """A denoiser of videos, from one of images.

    The image network keeps its own parameter names below `image_network`, and is reached through
    forward hooks: it is neither copied nor changed, and `deflate` takes the hooks away again.

    Args:
        image_network: one of ours, or diffusers' UNet2DModel or UNet2DConditionModel.
        after: the modules behind which mixers go: names, in which `*` stands for any one part, as
            in "down_blocks.*.attentions.*". Unless given, where AnimateDiff puts them, or behind
            every block of a transformer.
        mixer: one spec (or its name) for all of them, or a list with a spec for each.
        train_image: whether the image network's weights are trained too.

    Raises:
        UserError: for a name that fits no module, or a mixer that does not fit its place.
    """

    def __init__(
        self,
        image_network: nn.Module,
        after: str | Sequence[str] | None = None,
        mixer: MixerSpec | str | dict[str, Any] | list[Any] | None = None,
        train_image: bool = False,
    ):
        super().__init__()
        kind = image_network_of(image_network)
        patterns = [after] if isinstance(after, str) else after or kind.places(image_network)
        self.places = find_places(image_network, patterns)
        self.specs = specs_for(self.places, Attention() if mixer is None else mixer)
        dims = features_after(image_network, kind, self.places)
        mixers = [make_mixer(s, d) for s, d in zip(self.specs, dims, strict=True)]
        self.trained = [p.requires_grad for p in image_network.parameters()]
        self.image_network = image_network.requires_grad_(train_image)
        self.kind = kind
        self.insertions = nn.ModuleList(Insertion(mixer) for mixer in mixers)
        self.hooks = [
            image_network.get_submodule(place).register_forward_hook(insertion.hook)
            for place, insertion in zip(self.places, self.insertions, strict=True)
        ]

    @property
    def config(self) -> Any:
        """The image network's own."""
        return self.image_network.config

    @property
    def is_causal(self) -> bool:
        return all(spec.causal for spec in self.specs)

    @property
    def chunk(self) -> int:
        return lcm(*(chunk_of(spec) for spec in self.specs))

    can_forget = True  # every frame has entries of its own

    @property
    def mixers(self) -> dict[str, nn.Module]:
        """Place -> mixer."""
        pairs = zip(self.places, self.insertions, strict=True)
        return {place: insertion.mixer for place, insertion in pairs}

    def forward(
        self, x: Tensor, t: Tensor, conditions: Conditions | None = None, cache: Cache | None = None
    ) -> Tensor:
        """Predict from noisy frames; arguments, result and errors as in `DiT.forward`.

        The tokens of the conditions are the same for all frames of a row; of a grid and a vector, a
        frame has its part.
        """
        if cache is not None:
            check_cache(self)
        b, f = x.shape[0], x.shape[2]
        for insertion in self.insertions:
            insertion.num_frames, insertion.cache = f, cache
        frames = rearrange(x, "b c f h w -> (b f) c h w")
        times = rearrange(t, "b f -> (b f)")
        each = None if conditions is None else conditions.each_frame(f)
        y = self.kind.call(self.image_network, frames, times, each)
        return rearrange(y, "(b f) c h w -> b c f h w", b=b)

    def deflate(self) -> nn.Module:
        """Take the mixers away: the image network as it was, for images."""
        for hook in self.hooks:
            hook.remove()
        for parameter, trained in zip(self.image_network.parameters(), self.trained, strict=True):
            parameter.requires_grad_(trained)
        return self.image_network


def specs_for(
    places: Sequence[str], mixer: MixerSpec | str | dict[str, Any] | list[Any]
) -> list[MixerSpec]:
    """A spec for each place, from one for all of them or from a list."""
    specs = mixer if isinstance(mixer, list) else [mixer] * len(places)
    if len(specs) != len(places):
        raise UserError(f"There are {len(specs)} mixers for the {len(places)} places {[*places]}.")
    return [mixer_spec(spec) for spec in specs]


def find_places(network: nn.Module, patterns: Sequence[str]) -> list[str]:
    """Names of the modules that fit one of the patterns, in the order of the network.

    Raises:
        UserError: for a pattern that fits none.
    """
    names = [name for name, _ in network.named_modules() if name]
    for pattern in patterns:
        if not any(fits(name, pattern) for name in names):
            raise UserError(
                f"Option after: no module of the {type(network).__name__} is called {pattern!r}; "
                f"{nearest(pattern, names)}"
            )
    return [name for name in names if any(fits(name, pattern) for pattern in patterns)]


def fits(name: str, pattern: str) -> bool:
    """Whether a dotted name fits a pattern, part by part."""
    parts, wanted = name.split("."), pattern.split(".")
    same_length = len(parts) == len(wanted)
    return same_length and all(map(fnmatchcase, parts, wanted))


def features_after(network: nn.Module, kind: ImageNetwork, places: Sequence[str]) -> list[int]:
    """Features of what each place puts out, from one image on the meta device: nothing is computed.

    Raises:
        UserError: for a place that is never reached, or puts out no features.
    """
    found: dict[str, int] = {}

    def look_at(place: str) -> Callable[..., None]:
        def look(module: nn.Module, inputs: Any, output: Any) -> None:
            output = output[0] if isinstance(output, tuple) else output
            if not isinstance(output, Tensor) or output.ndim not in LAYOUTS:
                raise UserError(
                    f"Option after: {place!r} puts out no features of images or tokens."
                )
            found[place] = output.shape[1] if output.ndim == 4 else output.shape[-1]

        return look

    modules = {place: network.get_submodule(place) for place in places}
    hooks = [module.register_forward_hook(look_at(place)) for place, module in modules.items()]
    try:
        pass_example(network, kind)
    finally:
        for hook in hooks:
            hook.remove()
    if missing := [place for place in places if place not in found]:
        raise UserError(
            f"Option after: {missing[0]!r} is never called by the {type(network).__name__}."
        )
    return [found[place] for place in places]


class Calling(nn.Module):
    """An image network that is called in the way of its kind."""

    def __init__(self, network: nn.Module, kind: ImageNetwork):
        super().__init__()
        self.network, self.kind = network, kind

    def forward(self, *inputs: Any) -> Tensor:
        return self.kind.call(self.network, *inputs)


def pass_example(network: nn.Module, kind: ImageNetwork) -> None:
    """Call the network once on shapes alone."""
    calling = Calling(network, kind)
    weights = dict(calling.named_parameters(remove_duplicate=False))
    weights |= dict(calling.named_buffers(remove_duplicate=False))
    shapes = {name: torch.empty_like(weight, device="meta") for name, weight in weights.items()}
    dtype = next(network.parameters()).dtype
    inputs = tuple(x if x is None else x.to("meta", dtype) for x in kind.example(network))
    with torch.no_grad():
        torch.func.functional_call(calling, shapes, inputs)
