"""RAFT against the authors' code (goldens) and piece by piece against brute force."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from kinema.errors import UserError
from kinema.motion.raft import (
    RADIUS,
    RAFT,
    RAFTFlow,
    SeparableGRU,
    as_published,
    correlations,
    enlarge,
    look,
    padded,
    positions,
)


@pytest.fixture(scope="module")
def network(fill_weights):
    with torch.no_grad():
        return fill_weights(RAFT())


def pictures(*shape, seed):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_it_answers_what_the_authors_code_answers(network, goldens):
    with torch.no_grad():
        flow = network(*(pictures(1, 3, 128, 136, seed=s) for s in (0, 1)), num_updates=2)[-1]
    golden, flat = goldens["raft"], flow.double().flatten()
    assert flat.std().item() == pytest.approx(golden["std"], rel=1e-4)
    np.testing.assert_allclose(flat[:: len(flat) // 8][:8], golden["values"], rtol=2e-3, atol=2e-3)


def test_frames_of_any_size(network, tmp_path):
    """The authors' file, `module.` and doubled norms included, read by a flow method."""
    tensors = {f"module.{name}": tensor for name, tensor in network.state_dict().items()}
    norm = "module.cnet.layer2.0.norm3.weight"
    tensors[norm] = tensors["module.cnet.layer2.0.downsample.1.weight"]
    torch.save(tensors, tmp_path / "raft-things.pth")
    frames = np.random.default_rng(0).integers(0, 256, (2, 51, 67, 3), dtype=np.uint8)
    flow = RAFTFlow(str(tmp_path / "raft-things.pth"), num_updates=1)(*frames)
    assert flow.shape == (51, 67, 2)
    assert np.isfinite(flow).all()


def test_foreign_weights_are_refused(tmp_path):
    torch.save({"conv.weight": torch.zeros(3)}, tmp_path / "a.pth")
    with pytest.raises(UserError, match="weights of RAFT"):
        RAFT.from_file(tmp_path / "a.pth")


def test_torchvisions_names_become_the_authors():
    pairs = {
        "feature_encoder.convnormrelu.0.weight": "fnet.conv1.weight",
        "context_encoder.convnormrelu.1.running_var": "cnet.norm1.running_var",
        "context_encoder.layer2.0.convnormrelu2.1.bias": "cnet.layer2.0.norm2.bias",
        "feature_encoder.layer3.1.convnormrelu1.0.bias": "fnet.layer3.1.conv1.bias",
        "context_encoder.layer3.0.downsample.1.weight": "cnet.layer3.0.downsample.1.weight",
        "feature_encoder.conv.bias": "fnet.conv2.bias",
        "update_block.motion_encoder.convcorr2.0.weight": "update_block.encoder.convc2.weight",
        "update_block.motion_encoder.convflow1.0.weight": "update_block.encoder.convf1.weight",
        "update_block.motion_encoder.conv.0.weight": "update_block.encoder.conv.weight",
        "update_block.recurrent_block.convgru2.convq.bias": "update_block.gru.convq2.bias",
        "update_block.flow_head.conv1.weight": "update_block.flow_head.conv1.weight",
        "mask_predictor.convrelu.0.weight": "update_block.mask.0.weight",
        "mask_predictor.conv.bias": "update_block.mask.2.bias",
    }
    assert list(as_published(pairs)) == list(pairs.values())
    assert set(pairs.values()) <= set(RAFT().state_dict())


def test_correlations_are_inner_products():
    one, other = pictures(1, 6, 8, 9, seed=0), pictures(1, 6, 8, 9, seed=1)
    volume = correlations(one, other)
    assert [tuple(level.shape[2:]) for level in volume] == [(8, 9), (4, 4), (2, 2), (1, 1)]
    expected = (one[0, :, 3, 5] * other[0, :, 6, 2]).sum() / 6**0.5
    assert torch.allclose(volume[0][3 * 9 + 5, 0, 6, 2], expected, atol=1e-6)


def test_a_look_reads_around_a_position():
    other = pictures(1, 4, 16, 16, seed=0)
    volume = correlations(pictures(1, 4, 16, 16, seed=1), other)
    seen = look(volume, positions(other) + 0.5)  # between four positions
    side = 2 * RADIUS + 1
    assert seen.shape == (1, 4 * side**2, 16, 16)
    window = seen[0, : side**2, 7, 6].view(side, side)  # dx, dy
    products = F.pad(volume[0][7 * 16 + 6, 0], (8, 8, 8, 8))
    for dx, dy in ((0, 0), (2, -3), (-4, 4), (4, 1)):
        y, x = 8 + 7 + dy, 8 + 6 + dx
        expected = products[y : y + 2, x : x + 2].mean()
        assert torch.allclose(window[RADIUS + dx, RADIUS + dy], expected, atol=1e-5)


def test_enlarging_is_a_convex_mix_of_neighbors():
    flow, mask = pictures(1, 2, 3, 4, seed=0), pictures(1, 9 * 64, 3, 4, seed=1)
    fine = enlarge(flow, mask)
    assert fine.shape == (1, 2, 24, 32)
    y, x, i, j = 1, 2, 5, 3
    weights = torch.stack([mask[0, k * 64 + i * 8 + j, y, x] for k in range(9)]).softmax(0)
    near = F.pad(flow, (1, 1, 1, 1))[0, :, y : y + 3, x : x + 3].flatten(1)
    expected = 8 * (weights * near).sum(1)
    assert torch.allclose(fine[0, :, 8 * y + i, 8 * x + j], expected, atol=1e-5)


def test_a_gate_that_is_shut_keeps_the_state():
    unit, state = SeparableGRU(4, 3), pictures(1, 4, 5, 5, seed=0)
    with torch.no_grad():
        for gate in (unit.convz1, unit.convz2):
            gate.weight.zero_()
            gate.bias.fill_(-50)
        assert torch.allclose(unit(state, pictures(1, 3, 5, 5, seed=1)), state)


def test_padding_is_even_and_repeats_the_border():
    picture = pictures(1, 3, 13, 16, seed=0)
    (wide, _), (top, left) = padded(picture, picture)
    assert (wide.shape, top, left) == ((1, 3, 16, 16), 1, 0)
    assert torch.equal(wide[..., 1:14, :], picture)
    assert torch.equal(wide[..., 0, :], picture[..., 0, :])
