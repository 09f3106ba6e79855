"""A system on disk: `system.json` and a folder for each of its parts.

    tabletop/
      system.json    what the parts are, how they were trained, and the defaults of a video
      denoiser/      config.json, model.safetensors
      codec/         config.json, model.safetensors (or as diffusers names its weights)
      text/          config.json, model.safetensors, tokenizer.json

Everything that can be wrong with such a folder is found while it is read, and told with the name
of the file.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Self

import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from kinema.codecs import CausalVAE, Pixels
from kinema.conditions import NoText, SmallTextEncoder
from kinema.denoisers import DENOISERS
from kinema.diffusion import PATHS, PREDICTIONS
from kinema.errors import UserError, brief, nearest
from kinema.fields import Count, OneOf, Positive, Side, Whole, check_fields, check_values, fit
from kinema.interop import PretrainedCodec, PretrainedTextEncoder, codec_folder, load_codec
from kinema.models import SHIPPED
from kinema.sampling import SOLVERS
from kinema.storage import whole_folder
from kinema.storage.atomic import read_object
from kinema.storage.weights import check_files, fetched, file_checksums

CODECS: dict[str, type] = {"causal_vae": CausalVAE, "pixels": Pixels, "pretrained": PretrainedCodec}
TEXT_ENCODERS: dict[str, type] = {
    "small": SmallTextEncoder,
    "pretrained": PretrainedTextEncoder,
    "none": NoText,
}
WITHOUT_WEIGHTS = (Pixels, NoText)  # parts that write no files
PARTS: dict[str, dict[str, type[Any]]] = {
    "denoiser": DENOISERS,
    "codec": CODECS,
    "text": TEXT_ENCODERS,
}
SYSTEM_FILE, CHECKSUMS = "system.json", "checksums"


@dataclass
class System:
    """How the parts of a system belong together, and the defaults of its videos."""

    denoiser: str = "dit"  # its architecture, a key of `kinema.denoisers.DENOISERS`
    codec: str = "causal_vae"  # a key of CODECS
    text: str = "small"  # a key of TEXT_ENCODERS
    # from data to noise, a key of `kinema.diffusion.PATHS`
    path: Annotated[str, OneOf(tuple(PATHS))] = "linear"
    # what the denoiser outputs, a key of `kinema.diffusion.PREDICTIONS`
    prediction: Annotated[str, OneOf(tuple(PREDICTIONS))] = "velocity"
    solver: Annotated[str, OneOf(tuple(SOLVERS))] = "euler"  # a key of `kinema.sampling.SOLVERS`
    num_frames: Count = 33  # frames of a clip in training
    size: tuple[Side, Side] = (64, 64)  # height and width in training
    fps: Positive = 16.0  # frames per second in training
    num_steps: Count = 30  # sampling steps
    guidance_scale: float = 4.0  # classifier-free guidance; 1 is off
    shift: Positive = 1.0  # above 1 spends more of the steps near noise
    overlap: Whole = 9  # frames of a clip that its continuation sees
    max_size: Side = 256  # the longest side that is worth asking for

    def __post_init__(self) -> None:
        check_fields(self, "system: ")
        self.size = (int(self.size[0]), int(self.size[1]))
        for part, kinds in PARTS.items():
            if (name := getattr(self, part)) not in kinds:
                raise UserError(f"{part} {name!r} is unknown; {nearest(name, [*kinds])}")

    @property
    def takes_prompts(self) -> bool:
        """Whether prompts have an effect; a system that takes none is given none, or ""."""
        return self.text != "none"


class Parts(nn.Module):
    """The parts of a system.

    Args:
        denoiser: `denoiser(x, t, conditions)`, one of `kinema.denoisers.DENOISERS`.
        codec: frames to latents and back, one of CODECS.
        text: `text(prompts) -> Tokens`, one of TEXT_ENCODERS.
        system: how they belong together; names its parts by what they are.
        name: what the system is called in the settings of its videos.
    """

    def __init__(
        self, denoiser: nn.Module, codec: Any, text: nn.Module, system: System, name: str = ""
    ) -> None:
        super().__init__()
        self.denoiser, self.codec, self.text, self.name = denoiser, codec, text, name
        kinds: dict[str, Any] = {part: kind_of(part, getattr(self, part)) for part in PARTS}
        self.system = replace(system, **kinds)

    @classmethod
    def load(cls, name: str | Path) -> Self:
        """Read a system, ready for use.

        Args:
            name: one that ships ("tabletop"), a folder ("./tabletop"), or a repository of the
                Hugging Face hub ("owner/name").

        Raises:
            UserError: if it is not there, or a file in it is missing, corrupt or foreign.
        """
        folder = find(name)
        system = read_system(folder)
        parts = {part: load_part(folder, part, getattr(system, part)) for part in PARTS}
        return cls(**parts, system=system, name=str(name)).eval().requires_grad_(False)

    @property
    def device(self) -> torch.device:
        """Where the denoiser lies; `.to(device)` moves the whole system."""
        return next(self.denoiser.parameters()).device

    @property
    def multiple(self) -> tuple[int, int]:
        """Of what heights and widths are multiples."""
        height, width = self.codec.factors[1:]
        return height, width

    def fingerprint(self) -> str:
        """Return a short name for the weights."""
        return digest(self.state_dict().values())


def find(name: str | Path) -> Path:
    """The folder of a system: one that ships, one on disk, or one fetched from the hub.

    Raises:
        UserError: if there is none.
    """
    shipped = [path.parent.name for path in sorted(SHIPPED.glob(f"*/{SYSTEM_FILE}"))]
    if str(name) in shipped:
        return SHIPPED / name
    if Path(name).exists():
        return Path(name)
    if str(name).count("/") == 1 and not str(name).startswith((".", "/", "~")):
        return fetched(name, [SYSTEM_FILE, *(f"{part}/*" for part in PARTS)])
    hint = nearest(str(name), shipped) if shipped else "give a folder or a repository, owner/name."
    raise UserError(f"There is no model {str(name)!r}: {hint}")


def find_codec(name: str | Path) -> Path:
    """The folder of a codec: of a system that ships or shipped alone, or what `codec_folder` finds.

    Raises:
        UserError: if there is none.
    """
    shipped = SHIPPED / name
    ships = any((shipped / file).is_file() for file in (SYSTEM_FILE, "config.json"))
    return codec_folder(shipped if ships else name)


def read_system(folder: Path) -> System:
    """Read `system.json`, and compare the files with the checksums in it; old systems have none.

    Raises:
        UserError: that names what is missing, unknown or of another type in it, or the file that
            was damaged after it was written.
    """
    file = folder / SYSTEM_FILE
    if not file.is_file():
        raise UserError(f"{folder} is not a kinema system: {SYSTEM_FILE} is missing.")
    values = read_object(file)
    checksums = values.pop(CHECKSUMS, {})
    check_values(values, System, file)
    check_files(folder, fit(checksums, dict[str, str], f"{file}: {CHECKSUMS}"), file)
    try:
        return System(**values)
    except UserError as error:
        raise UserError(f"{file}: {error}") from error


def kind_of(part: str, network: Any) -> str:
    """The key in PARTS[part] of a network's class."""
    kinds = {network_class: name for name, network_class in PARTS[part].items()}
    assert type(network) in kinds, f"a {type(network).__name__} is none of {[*PARTS[part]]}"
    return kinds[type(network)]


def load_part(folder: Path, part: str, kind: str) -> Any:
    """Load the network in `folder/part`, an instance of PARTS[part][kind]."""
    place, network_class = folder / part, PARTS[part][kind]
    if network_class in WITHOUT_WEIGHTS:
        return network_class()
    if network_class is PretrainedCodec:
        return load_codec(place)
    for name in ("config.json", "model.safetensors"):
        if not (place / name).is_file():
            raise UserError(f"{folder} is not a whole system: {part}/{name} is missing.")
    options = {} if network_class is PretrainedTextEncoder else {"strict": True}
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # the mixin prints that it loads
            return network_class.from_pretrained(str(place), **options)
    except UserError:
        raise
    except (SafetensorError, RuntimeError, ValueError, TypeError, KeyError, OSError) as error:
        kind = network_class.__name__
        raise UserError(f"{place} does not hold a {kind}: {brief(error)}.") from error


def save_part(network: Any, place: Path) -> None:
    """Write a network as a folder; a part without weights writes nothing."""
    if isinstance(network, WITHOUT_WEIGHTS):
        return
    if isinstance(network, PretrainedTextEncoder):  # transformers writes its own
        network.model.save_pretrained(place)
        network.tokenizer.save_pretrained(place)
        return
    network.save_pretrained(place)
    (place / "README.md").unlink(missing_ok=True)  # the mixin's card, for whole repositories


def write_system(system: System, parts: dict[str, Any], folder: Path) -> None:
    """Write everything beside its place, then move it there; other files stay as they are."""
    with whole_folder(folder, last=SYSTEM_FILE) as staged:
        for part, network in parts.items():
            save_part(network, staged / part)
        record = {**asdict(system), CHECKSUMS: file_checksums(staged)}
        (staged / SYSTEM_FILE).write_text(json.dumps(record, indent=2) + "\n")
    for part, network in parts.items():
        if isinstance(network, WITHOUT_WEIGHTS):  # what a part of another kind left there
            shutil.rmtree(folder / part, ignore_errors=True)


def digest(tensors: Iterable[Tensor]) -> str:
    """Return a short name for the values of tensors."""
    seen = hashlib.sha256()
    for tensor in tensors:
        seen.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return seen.hexdigest()[:16]
