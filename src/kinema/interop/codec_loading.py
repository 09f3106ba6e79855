"""Any codec by its name: ours or one of diffusers, alone or in a system, on disk or the hub."""

import hashlib
from pathlib import Path

import torch
from huggingface_hub import hf_hub_download, snapshot_download
from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, HFValidationError

from kinema.codecs.causal_vae import CausalVAE, CausalVAEConfig
from kinema.errors import UserError, brief, nearest
from kinema.interop.diffusers_codec import PretrainedCodec
from kinema.interop.diffusers_codec_kinds import KINDS
from kinema.storage.atomic import read_object
from kinema.storage.weights import check_config, require_finite

# Where a codec lies: by itself, in a system of kinema, in a pipeline of diffusers.
PLACES = ("", "codec", "vae")
FILES = ("config.json", "model.safetensors", "diffusion_pytorch_model*.safetensors*")


def load_codec(name: str | Path, dtype: torch.dtype = torch.float32) -> CausalVAE | PretrainedCodec:
    """Load a codec for use.

    Args:
        name: a folder or a repository of the hub: of a codec, of a system of kinema, or of a
            pipeline of diffusers with one of the autoencoders in `KINDS`.
        dtype: floating-point type of the weights of an autoencoder of diffusers.

    Raises:
        UserError: if there is none, or a file of it is missing, corrupt or foreign.
    """
    folder = codec_folder(name)
    class_name = foreign_class(folder)
    if class_name is None:
        return CausalVAE.from_pretrained(folder).eval()
    codec = PretrainedCodec.from_pretrained(folder, class_name, dtype).eval()
    require_finite(codec.state_dict(), folder)
    return codec


def codec_folder(name: str | Path) -> Path:
    """The folder that holds config.json and the weights; fetched from the hub if need be.

    Raises:
        UserError: if there is none.
    """
    root = Path(name)
    if not root.is_dir():
        if str(name).count("/") != 1 or str(name).startswith((".", "/", "~")):
            raise UserError(
                f"There is no codec {str(name)!r}: give a folder or a repository, owner/name."
            )
        return download(str(name))
    for place in PLACES:
        if (root / place / "config.json").is_file():
            return root / place
    raise UserError(f"{root}: no codec there: config.json, codec/ and vae/ are missing.")


def download(repository: str) -> Path:
    """Fetch config.json, where there is one, and then the weights beside it."""
    reason = "config.json, codec/ and vae/ are missing"
    try:
        for place in PLACES:
            try:
                config = hf_hub_download(repository, "config.json", subfolder=place or None)
            except EntryNotFoundError as error:
                reason = brief(error)
                continue
            foreign_class(Path(config).parent)  # before gigabytes of something else are fetched
            patterns = [str(Path(place, file)) for file in FILES]
            return Path(snapshot_download(repository, allow_patterns=patterns), place)
    except (EntryNotFoundError, HfHubHTTPError, HFValidationError) as error:
        reason = brief(error)
    raise UserError(
        f"There is no codec in a folder {repository}, and none can be fetched from the hub: "
        f"{reason}."
    )


def foreign_class(folder: Path) -> str | None:
    """The class of diffusers that a config.json names; None for a codec of kinema."""
    path = folder / "config.json"
    config = read_object(path)
    name = config.get("_class_name")
    if name is None:
        check_config(config, CausalVAEConfig, path)
    elif name not in KINDS:
        raise UserError(
            f"{path}: {name!r} is not a codec kinema knows; {nearest(str(name), [*KINDS])}"
        )
    return name


def codec_fingerprint(folder: str | Path) -> str:
    """Ten hexadecimal digits that differ when the codec in a folder differs.

    They name what was computed with it. For an autoencoder of diffusers the configuration counts
    too: it holds the statistics.
    """
    folder = Path(folder)
    files = sorted(folder.glob("*.safetensors"))
    if foreign_class(folder) is not None:
        files.append(folder / "config.json")
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:10]
