import numpy as np
import pytest
import torch
from torch import nn

from kinema.blocks.attention import Causal, Full, Hybrid, Windowed
from kinema.blocks.stream import num_seen, remember
from kinema.errors import UserError


def feed(spec, num_frames):
    """Feed frames one by one; the cache and the module it belongs to."""
    cache, module = {}, nn.Identity()
    for _ in range(num_frames):
        k = torch.randn(1, 2, 1, 3, 4)
        remember(cache, module, k, k, spec)
    return cache, module


@pytest.mark.parametrize(
    ("spec", "kept"),
    [
        (Causal(), [0, 1, 2, 3, 4, 5, 6]),
        (Windowed(2, causal=True), [5, 6]),
        (Hybrid(2, 4, causal=True), [0, 4, 5, 6]),
    ],
)
def test_only_what_later_frames_can_see_is_kept(spec, kept):
    cache, module = feed(spec, 7)
    assert list(cache[module].frames) == kept
    assert cache[module].k.shape[2] == len(kept)
    assert num_seen(cache, module) == 7
    later = np.arange(7, 40)[:, None]
    assert not spec.sees(later, np.array(sorted(set(range(7)) - set(kept)), int)).any()


def test_an_empty_cache_has_seen_nothing():
    assert num_seen(None, nn.Identity()) == num_seen({}, nn.Identity()) == 0


def test_what_cannot_stream_is_refused():
    with pytest.raises(UserError, match="causal"):
        feed(Full(), 1)
    with pytest.raises(UserError, match="whole chunks"):
        feed(Causal(chunk=2), 2)
