"""How much memory a computation will take, found by doing it without memory.

Tensors of torch's fake mode have shapes and storages, but no bytes. Run under it, a network makes
all the tensors that it will make for real, in their order, and counting those alive at a time gives
the peak. What a kernel takes for itself inside is not seen.
"""

import resource
import weakref
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from kinema.errors import UserError

LOOK_AT_A_VALUE = torch.ops.aten._local_scalar_dense.default


class LiveTensors(TorchDispatchMode):
    """Counts the bytes of living tensors that were made inside it: now, and at the peak.

    Whoever looks at a value that is not there sees 0.
    """

    def __init__(self) -> None:
        super().__init__()
        self.alive = self.peak = 0
        self._known: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is LOOK_AT_A_VALUE and isinstance(args[0], FakeTensor):
            return 0.0 if args[0].is_floating_point() else 0
        result = func(*args, **(kwargs or {}))
        given = {x.untyped_storage()._cdata for x in tree_leaves((args, kwargs)) if is_tensor(x)}
        for x in filter(is_tensor, tree_leaves(result)):
            storage = x.untyped_storage()
            if storage._cdata not in self._known | given:
                self._watch(storage)
        return result

    def ignore(self, x: Tensor) -> None:
        """Take a tensor for one that was there before."""
        self._known.add(x.untyped_storage()._cdata)

    def _watch(self, storage: torch.UntypedStorage) -> None:
        key, size = storage._cdata, storage.nbytes()
        self._known.add(key)
        self.alive += size
        self.peak = max(self.peak, self.alive)
        weakref.finalize(storage, self._forget, key, size)

    def _forget(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.alive -= size


def is_tensor(x: Any) -> bool:
    return isinstance(x, Tensor)


# What malloc keeps of freed blocks and kernels take inside, over the tensors' own. Blocks under
# 32 MiB are kept longest: there a process takes up to three times as much, but of little.
ALLOCATOR = 1.5


def peak_bytes(function: Callable[[], Any], weights: Iterable[Tensor] = ()) -> int:
    """The most bytes of new tensors alive at a time while `function` runs; nothing is computed.

    A process takes more, about ALLOCATOR times as much. `weights` are there already, and not
    counted.
    """
    with FakeTensorMode(allow_non_fake_inputs=True) as mode, LiveTensors() as live:
        fakes = [mode.from_tensor(weight) for weight in weights]
        for fake in fakes:
            live.ignore(fake)
        function()
    return live.peak


def held_bytes(device: torch.device) -> int:
    """Memory that this process holds on a device now."""
    if device.type == "cuda":
        return torch.cuda.memory_reserved(device)
    return int(proc("self/statm").split()[1]) * resource.getpagesize()


def free_bytes(device: torch.device) -> int:
    """Memory that this process could hold on a device: what it has, and what is free."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0] + held_bytes(device)
    sizes = dict(line.split(":") for line in proc("meminfo").splitlines())
    return int(sizes["MemAvailable"].split()[0]) * 1024 + held_bytes(device)


def proc(name: str) -> str:
    """A file of Linux' account of itself."""
    try:
        return Path("/proc", name).read_text()
    except OSError as error:
        raise UserError("Memory can be planned on Linux only: this system has no /proc.") from error
