"""`kinema models`: what ships, and what a folder of weights consists of."""

import hashlib
import math
from pathlib import Path
from typing import NamedTuple

from kinema.commands.parser import Parser
from kinema.errors import UserError, nearest
from kinema.fields import shown
from kinema.models import SHIPPED

WEIGHTS, NETWORK, SYSTEM = "model.safetensors", "config.json", "system.json"
PIPELINE = "model_index.json"
EXAMPLES = """\
kinema models
kinema models tabletop
kinema models runs/mine/final
kinema models Wan2.1-T2V-1.3B-Diffusers"""


class Shipped(NamedTuple):
    """A row of models/README.md, the one list of the weights that ship."""

    file: str
    about: str
    made_by: str
    checksum: str


def models(argv: list[str]) -> None:
    """the models that ship, how they were made; or what a folder of weights holds"""
    parser = Parser("kinema models", str(models.__doc__), EXAMPLES)
    parser.add_argument("name", nargs="?", metavar="NAME", help="one that ships, or a folder")
    name = parser.parse_args(argv).name
    if name is None:
        print_shipped()
    else:
        print_folder(folder_named(name))


# ---- what ships ---------------------------------------------------------------------------------


def shipped() -> list[Shipped]:
    """Return the rows of the table of the weights that ship."""
    lines = (SHIPPED / "README.md").read_text("utf-8").splitlines()
    rows = [line.replace("`", "").strip("| ").split(" | ") for line in lines if "|" in line]
    return [Shipped(*row) for row in rows[2:]]  # behind the heading and the line below it


def print_shipped() -> None:
    """Print what ships; a file that is not the one of the table is marked."""
    rows = shipped()
    names = [row.file.removesuffix(f"/{WEIGHTS}") for row in rows]
    width = max(map(len, names)) + 2
    for name, row in zip(names, rows, strict=True):
        print(f"{name:<{width}}{row.about}, {state_of(SHIPPED / row.file, row.checksum)}")
        print(f"{'':<{width}}{row.made_by}; sha256 {row.checksum[:12]}")


def state_of(file: Path, checksum: str) -> str:
    """Return the size of a file, and whether it is another than the one that ships."""
    if not file.is_file():
        return "which is missing here"
    changed = hashlib.sha256(file.read_bytes()).hexdigest() != checksum
    return megabytes(file) + (", but this file is another" if changed else "")


# ---- what a folder holds ------------------------------------------------------------------------


def folder_named(name: str) -> Path:
    """Return the folder of a model that ships, or the folder of that name.

    Raises:
        UserError: if there is neither.
    """
    if (SHIPPED / name).is_dir() and "/" not in name:
        return SHIPPED / name
    if Path(name).is_dir():
        return Path(name)
    ships = [path.name for path in SHIPPED.iterdir() if path.is_dir()]
    raise UserError(f"There is no model and no folder {name!r}; {nearest(name, ships)}")


def print_folder(folder: Path) -> None:
    """Print what a system or a network is: its settings, its parts, their parameters and sizes."""
    from kinema.storage.atomic import read_object

    if (folder / PIPELINE).is_file():
        print_pipeline(folder)
    elif (folder / SYSTEM).is_file():
        system = read_object(folder / SYSTEM)
        print(f"{folder}: a system")
        for name, value in system.items():
            of_part = name in ("codec", "denoiser", "text")
            print(f"  {name:<16}{describe(folder / name, str(value)) if of_part else shown(value)}")
    elif (folder / NETWORK).is_file():
        print(f"{folder}: a network of {describe(folder)}")
        for name, value in read_object(folder / NETWORK).items():
            print(f"  {name:<16}{shown(value)}")
    else:
        final = folder / "final"
        hint = f"look at {final}" if final.is_dir() else "name a folder that kinema has saved"
        raise UserError(f"{folder} holds neither {SYSTEM} nor {NETWORK}: {hint}.")


def print_pipeline(folder: Path) -> None:
    """Print what a pipeline of diffusers is, whether there are rows for it, and its defaults."""
    from kinema.interop.diffusers_codec_kinds import KINDS
    from kinema.interop.families import FAMILIES
    from kinema.interop.official import NETWORKS, call_defaults, read_index

    name, parts = read_index(folder)
    print(f"{folder}: a {name} of diffusers")
    for part, (_, kind) in parts.items():
        print(f"  {part:<22}{describe(folder / part, kind)}")
    kinds = {part: kind for part, (_, kind) in parts.items()}
    without = [kinds[part] for part in NETWORKS if part in kinds and kinds[part] not in FAMILIES]
    if "vae" in kinds and kinds["vae"] not in KINDS:
        without.append(kinds["vae"])
    rows = f"there is no row for {' and '.join(without)}" if without else "kinema generate runs it"
    print(f"  {'rows':<22}{rows}")
    for option, value in call_defaults(name).items():
        print(f"  {option:<22}{'as its networks say' if value is None else shown(value)}")


def describe(folder: Path, architecture: str = "") -> str:
    """Return the architecture, the parameters, the types and the size of a saved network."""
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        return f"{architecture}, without weights of its own".removeprefix(", ")
    from safetensors import SafetensorError, safe_open

    count, types = 0, set()
    for path in files:
        try:
            with safe_open(path, "np") as file:
                tensors = [file.get_slice(name) for name in file.keys()]  # noqa: SIM118
        except SafetensorError as error:
            raise UserError(f"{path} is damaged: {error}.") from error
        count += sum(math.prod(tensor.get_shape()) for tensor in tensors)
        types |= {str(tensor.get_dtype()) for tensor in tensors}
    told = [f"{count:,} parameters", " and ".join(sorted(types)), megabytes(*files)]
    return ", ".join([architecture, *told] if architecture else told)


def megabytes(*files: Path) -> str:
    return f"{sum(file.stat().st_size for file in files) / 1e6:.1f} MB"
