import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from kinema.codecs import CausalVAE, CausalVAEConfig, DecodeStream, EncodeStream
from kinema.errors import UserError

EXACT = {"atol": 1e-5, "rtol": 1e-5}


def random_codec() -> CausalVAE:
    torch.manual_seed(0)
    codec = CausalVAE(CausalVAEConfig(3, (4, 2, 2), (6, 8), (1, 1), (1, 1), refiner_width=4))
    for weight in codec.parameters():
        nn.init.normal_(weight, std=0.7 * max(1, weight[0].numel()) ** -0.5)
    return codec.requires_grad_(False)


CODEC = random_codec()


def random_clip(num_frames: int, size: tuple[int, int] = (8, 8)) -> torch.Tensor:
    return torch.rand(1, 3, num_frames, *size, generator=torch.Generator().manual_seed(0)) * 2 - 1


def remembered(stream: EncodeStream | DecodeStream) -> int:
    """How many bytes a stream keeps alive."""
    kept = [t for t in vars(stream).values() if isinstance(t, torch.Tensor)]
    return sum(t.untyped_storage().nbytes() for t in [*kept, *stream._cache.values()])


@settings(max_examples=12, deadline=None)
@given(lengths=st.lists(st.integers(1, 6), min_size=1, max_size=4))
def test_a_clip_extended_again_and_again_is_the_clip_encoded_whole(lengths):
    """After every extension the latents so far, and that of the rest, are those of the clip."""
    frames, stream, latents, seen = random_clip(sum(lengths)), EncodeStream(CODEC), [], 0
    for length in lengths:
        latents.append(stream.push(frames[:, :, seen : seen + length]))
        seen += length
        joined = torch.cat([*latents, stream.rest()], dim=2)
        torch.testing.assert_close(joined, CODEC.encode(frames[:, :, :seen]), **EXACT)


@settings(max_examples=12, deadline=None)
@given(lengths=st.lists(st.integers(1, 3), min_size=1, max_size=4))
def test_frames_decoded_as_latents_come_are_the_clip_decoded_whole(lengths):
    latents, stream = torch.randn(1, 3, sum(lengths), 2, 2), DecodeStream(CODEC)
    frames = torch.cat([stream.push(part) for part in latents.split(lengths, dim=2)], dim=2)
    torch.testing.assert_close(frames, CODEC.decode(latents), **EXACT)


def test_extending_encodes_only_the_new_frames():
    computed = []
    hook = CODEC.fold_in.register_forward_hook(lambda _, x, y: computed.append(y.shape[1]))
    stream = EncodeStream(CODEC)
    stream.push(random_clip(41))
    before = sum(computed)
    stream.push(random_clip(8))
    hook.remove()
    assert before == 11 and sum(computed) == 13


def test_what_is_remembered_does_not_grow_with_the_clip():
    short, long = EncodeStream(CODEC), EncodeStream(CODEC)
    back, far_back = DecodeStream(CODEC), DecodeStream(CODEC)
    back.push(short.push(random_clip(7)))
    for _ in range(4):
        far_back.push(long.push(random_clip(20)))
    far_back.push(long.push(random_clip(7)))
    assert remembered(short) <= remembered(long) < 20_000
    assert remembered(long) - remembered(short) <= 3 * 3 * 8 * 8 * 4  # frames that wait
    assert remembered(back) == remembered(far_back)


def test_asking_for_the_rest_spends_nothing():
    stream = EncodeStream(CODEC)
    stream.push(random_clip(7))
    assert stream.waits and torch.equal(stream.rest(), stream.rest())


def test_a_stream_without_a_rest_gives_none():
    stream = EncodeStream(CODEC)
    assert stream.push(random_clip(5)).shape == (1, 3, 2, 2, 2)
    assert not stream.waits and stream.rest().shape == (1, 3, 0, 2, 2)


def test_a_rest_of_nothing_is_refused():
    with pytest.raises(UserError, match="push some"):
        EncodeStream(CODEC).rest()


def test_chunks_of_other_sizes_are_refused():
    stream = EncodeStream(CODEC)
    stream.push(random_clip(2))
    with pytest.raises(UserError, match="8x8 came 1 of 16x8"):
        stream.push(random_clip(2, (16, 8)))
    back = DecodeStream(CODEC)
    back.push(torch.zeros(1, 3, 1, 2, 2))
    with pytest.raises(UserError, match="one shape"):
        back.push(torch.zeros(2, 3, 1, 2, 2))
