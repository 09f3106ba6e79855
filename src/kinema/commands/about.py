"""`kinema info`: what is installed here."""

from __future__ import annotations

import sys
from pathlib import Path

import kinema
from kinema.commands.parser import Parser


def info(argv: list[str]) -> None:
    """version, machine, and the models that ship"""
    Parser("kinema info", str(info.__doc__)).parse_args(argv)
    import torch

    package = Path(kinema.__file__).parent
    models = sorted(path.parent for path in package.glob("models/*/system.json"))
    shipped = [
        f"{m.name} ({sum(f.stat().st_size for f in m.rglob('*.*')) / 1e6:.1f} MB)" for m in models
    ]
    cuda = torch.cuda.is_available()
    device = torch.cuda.get_device_name() if cuda else f"cpu, {torch.get_num_threads()} threads"
    rows = {
        "kinema": f"{kinema.__version__}  {package}",
        "python": sys.version.split()[0],
        "torch": torch.__version__,
        "device": device,
        "models": ", ".join(shipped) or "none in this installation",
    }
    for name, value in rows.items():
        print(f"{name:<8}{value}")
