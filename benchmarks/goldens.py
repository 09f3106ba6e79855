"""What the original implementations of RAFT, I3D and LPIPS answer to fixed weights and pictures.

    python benchmarks/goldens.py --raft RAFT/core --i3d pytorch-i3d

with checkouts of github.com/princeton-vl/RAFT and github.com/piergiaj/pytorch-i3d, in an
environment where `torchvision` and `lpips` can be imported (kinema's own needs neither). It writes
tests/goldens.json, with which the tests compare kinema's networks.
"""

import argparse
import contextlib
import json
import runpy
import sys
from pathlib import Path

import torch

TESTS = Path(__file__).parents[1] / "tests"
fill_weights = runpy.run_path(str(TESTS / "conftest.py"))["fill_weights"]


def pictures(*shape: int, seed: int) -> torch.Tensor:
    """Values in [-1, 1]."""
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def summary(values: torch.Tensor) -> dict[str, object]:
    """A few numbers that a wrong implementation does not hit."""
    flat = values.double().flatten()
    picked = flat[:: max(1, len(flat) // 8)][:8]
    return {"mean": flat.mean().item(), "std": flat.std().item(), "values": picked.tolist()}


def raft(folder: str) -> dict[str, object]:
    sys.path.insert(0, folder)
    from raft import RAFT

    network = fill_weights(RAFT(argparse.Namespace(small=False, mixed_precision=False)))
    sys.path.remove(folder)
    a, b = ((pictures(1, 3, 128, 136, seed=s) + 1) * 127.5 for s in (0, 1))
    return summary(network(a, b, iters=2)[-1])


def i3d(folder: str) -> dict[str, object]:
    sys.path.insert(0, folder)
    from pytorch_i3d import InceptionI3d

    network = fill_weights(InceptionI3d(400, in_channels=3))
    return summary(network(pictures(1, 3, 10, 224, 224, seed=2)).mean(2))


def lpips(name: str) -> list[float]:
    from lpips import LPIPS
    from torchvision import models

    trunk = fill_weights({"alex": models.alexnet, "vgg": models.vgg16}[name](num_classes=2))
    network = LPIPS(net=name, pnet_rand=True, pretrained=False, verbose=False)
    own = [layer for layer in network.net.modules() if isinstance(layer, torch.nn.Conv2d)]
    other = [layer for layer in trunk.features if isinstance(layer, torch.nn.Conv2d)]
    for layer, filled in zip(own, other, strict=True):
        layer.load_state_dict(filled.state_dict())
    for depth, head in enumerate(network.lins):
        weight = head.model[1].weight
        weight.copy_(torch.linspace(0, depth + 1, weight.numel()).view_as(weight))
    x, y = (pictures(2, 3, 40, 48, seed=seed) for seed in (3, 4))
    return network(x, y).flatten().tolist()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--raft", required=True)
    parser.add_argument("--i3d", required=True)
    options = parser.parse_args()
    with torch.no_grad(), contextlib.redirect_stderr(None):
        goldens = {
            "lpips": {name: lpips(name) for name in ("alex", "vgg")},
            "i3d": i3d(options.i3d),
            "raft": raft(options.raft),
        }
    (TESTS / "goldens.json").write_text(json.dumps(goldens, indent=1) + "\n")


if __name__ == "__main__":
    main()
