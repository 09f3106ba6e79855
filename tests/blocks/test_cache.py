import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from kinema.blocks.attention import Causal, Full, Hybrid, Windowed
from kinema.blocks.cache import Unpruned, keep, num_seen, packed, remember, unpacked
from kinema.blocks.mixers import GatedRecurrence, TemporalAttention
from kinema.blocks.transformer import SelfAttention, rotary_angles
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


# Frames dropped ----------------------------------------------------------------------------------


def attend(attention, x, cache=None):
    """Attention with the positions at which a stream stands; b f n d, 2 x 3 places."""
    angles = rotary_angles((x.shape[1], 2, 3), 8, first_frame=num_seen(cache, attention))
    return attention(x, angles, cache)


def mix_along_time(mixer, x, cache=None):
    return mixer(x.unflatten(2, (2, 3)), cache).flatten(2, 3)


@pytest.mark.parametrize(
    ("make", "call"),
    [
        (lambda: SelfAttention(16, 2, Causal()), attend),
        (lambda: TemporalAttention(16, 2, Causal()), mix_along_time),
    ],
)
def test_frames_kept_lie_side_by_side(make, call):
    """As in one pass over them, again and again: turning keys adds up to no error."""
    torch.manual_seed(0)
    module, x, cache = make(), torch.randn(1, 43, 6, 16), {}
    for weight in module.parameters():
        nn.init.normal_(weight, std=0.3)
    with torch.no_grad():
        call(module, x[:, :5], cache)
        for start in range(5, 41, 2):
            keep(cache, first=1, last=3)
            new = [start, start + 1]
            found = call(module, x[:, new], cache)
            shown = call(module, x[:, [0, *range(start - 3, start), *new]])
            torch.testing.assert_close(found, shown[:, 4:], rtol=1e-5, atol=1e-5)


def test_no_more_is_kept_than_there_is():
    cache, module = feed(Causal(), 4)
    before = cache[module]
    keep(cache, 2, 2)
    keep({}, 1, 1)
    assert cache[module] is before


def test_a_network_with_several_frames_a_token_cannot_forget():
    cache, module = feed(Causal(), 4)
    keep({**cache, nn.Identity(): 8}, 1, 7)  # there is nothing to forget yet
    with pytest.raises(UserError, match="span several frames"):
        keep({**cache, nn.Identity(): 8}, 1, 1)


def test_what_is_out_of_sight_may_come_into_it_again_when_frames_are_dropped():
    attention, x = SelfAttention(16, 2, Windowed(2, causal=True)), torch.randn(1, 7, 6, 16)
    cache = Unpruned()
    attend(attention, x, cache)
    assert list(cache[attention].frames) == list(range(7))
    keep(cache, 1, 2)
    assert list(cache[attention].frames) == [0, 1, 2] and num_seen(cache, attention) == 3


# On disk -----------------------------------------------------------------------------------------


def test_a_cache_is_read_from_a_file_as_it_was(tmp_path):
    network = nn.Sequential(SelfAttention(16, 2, Causal()), GatedRecurrence(16))
    cache = {network: 3}
    attend(network[0], torch.randn(1, 3, 6, 16), cache)
    network[1](torch.randn(1, 3, 2, 3, 16), cache)
    save_file(packed(cache, network), tmp_path / "cache.safetensors")
    again = unpacked(load_file(tmp_path / "cache.safetensors"), network)
    assert set(again) == set(cache)
    assert again[network] == 3 and torch.equal(again[network[1]], cache[network[1]])
    old, new = cache[network[0]], again[network[0]]
    assert (new.frames, new.num_seen) == (old.frames, old.num_seen) == ((0, 1, 2), 3)
    assert torch.equal(new.k, old.k) and torch.equal(new.v, old.v)


def test_packing_copies():
    cache, module = feed(Causal(), 2)
    network = nn.Sequential(module)
    tensors = packed(cache, network)
    assert sorted(tensors) == ["0:frames", "0:k", "0:num_seen", "0:v"]
    tensors["0:k"].zero_()
    assert cache[module].k.any()
