from dataclasses import asdict

import pytest
import torch

from kinema.blocks.transformer import patchify
from kinema.conditions import Conditions, Grid, Port, Ports, Tokens, Vector
from kinema.conditions.ports import PortAttention, has_tokens, read_ports, zero_ports_
from kinema.errors import UserError

DEPTH, SPEED = Port("depth", "grid", 2), Port("speed", "vector", 3)
LOOKS, SOUND = Port("looks", "tokens", 5), Port("sound", "tokens", 4)
X = torch.zeros(2, 1, 3, 4, 6)


def shaken(module):
    torch.manual_seed(0)
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return module


def ports(*which, patch=(1, 2, 2)):
    return shaken(Ports(which, patch, dim=8, dim_vector=6))


def given(conditions, *which):
    return Ports(which, (1, 1, 1), 8).given(conditions, X)


# ---- configuration -----------------------------------------------------------------------------


def test_ports_are_read_from_themselves_and_their_dictionaries():
    assert read_ports([DEPTH, asdict(SPEED)]) == (DEPTH, SPEED) == read_ports((DEPTH, SPEED))
    assert read_ports([]) == ()
    assert has_tokens([DEPTH, LOOKS]) and not has_tokens([DEPTH, SPEED])


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ([{"name": "a", "door": "grd", "channels": 1}], "Port a: door 'grd'.*mean 'grid'"),
        ([{"name": "a", "door": "grid", "channels": 0}], "Port a: channels is 0"),
        ([{"name": "a", "door": "grid"}], "the fields name, door and channels"),
        ([DEPTH, DEPTH], "two ports for the condition 'depth'"),
        ([{"name": "text", "door": "tokens", "channels": 1}], "cannot be called 'text'"),
        ([{"name": "keys", "door": "vector", "channels": 1}], "cannot be called 'keys'"),
        ([{"name": "a.b", "door": "vector", "channels": 1}], "cannot be called 'a.b'"),
    ],
)
def test_a_wrong_port_is_refused(wrong, sentence):
    with pytest.raises(UserError, match=sentence):
        read_ports(wrong)


# ---- what is given -----------------------------------------------------------------------------


def test_text_needs_no_port_and_nothing_gives_nothing():
    text = Tokens(torch.zeros(2, 1, 4), torch.ones(2, 1, dtype=torch.bool))
    assert given(None) == given(Conditions(text)) == {}


@pytest.mark.parametrize(
    ("name", "condition", "sentence"),
    [
        ("dept", Grid(torch.zeros(2, 2, 3, 4, 6)), "no port for the condition 'dept'; did you"),
        ("depth", Vector(torch.zeros(2, 3, 2)), "is a Vector, and its port takes Grid"),
        ("depth", Grid(torch.zeros(2, 1, 3, 4, 6)), r"and must have \(2, 2, 3, 4, 6\)"),
        ("depth", Grid(torch.zeros(2, 2, 3, 2, 6)), r"and must have \(2, 2, 3, 4, 6\)"),
        ("depth", Grid(torch.zeros(1, 2, 3, 4, 6)), r"and must have \(2, 2, 3, 4, 6\)"),
        ("speed", Vector(torch.zeros(2, 2, 3)), r"and must have \(2, 3, 3\)"),
        ("looks", Tokens(torch.zeros(2, 7, 4), torch.ones(2, 7).bool()), r"have \(2, 7, 5\)"),
    ],
)
def test_a_condition_that_does_not_fit_is_refused(name, condition, sentence):
    with pytest.raises(UserError, match=sentence):
        given(Conditions(**{name: condition}), DEPTH, SPEED, LOOKS)


def test_a_network_without_ports_refuses_every_condition():
    with pytest.raises(UserError, match="no port for the condition 'speed'; it has none"):
        given(Conditions(speed=Vector(torch.zeros(2, 3, 3))))


# ---- the doors ---------------------------------------------------------------------------------


def test_a_grid_is_added_to_the_patches_where_it_lies():
    ways, patches = ports(DEPTH), torch.randn(2, 3, 2, 3, 8)
    values = torch.zeros(2, 2, 3, 4, 6)
    before = ways.onto_patches(patches, {"depth": Grid(values)})
    values[1, :, 2, 3, 0] = 1  # the patch of row 1, frame 2, place (1, 0)
    moved = (ways.onto_patches(patches, {"depth": Grid(values)}) - before).abs().amax(-1) > 1e-6
    assert moved.nonzero().tolist() == [[1, 2, 1, 0]]


def test_a_grid_is_padded_as_the_video_is():
    ways, grid = ports(DEPTH), Grid(torch.randn(1, 2, 3, 3, 5))
    patches = ways.onto_patches(torch.zeros(1, 3, 2, 3, 8), {"depth": grid})
    assert patches.shape == (1, 3, 2, 3, 8)
    whole = ports(DEPTH, patch=(1, 1, 1))
    padded = whole.onto_patches(torch.zeros(1, 4, 4, 8, 8), {"depth": grid}, (4, 4, 4))
    torch.testing.assert_close(padded[:, 3], padded[:, 2])
    torch.testing.assert_close(padded[:, :, 3], padded[:, :, 2])


def test_a_vector_is_added_to_the_time_of_its_frame():
    ways, time = ports(SPEED), torch.randn(2, 3, 6)
    values = torch.zeros(2, 3, 3)
    before = ways.onto_time(time, {"speed": Vector(values)})
    values[1, 2, 0] = 1
    moved = (ways.onto_time(time, {"speed": Vector(values)}) - before).abs().amax(-1) > 1e-6
    assert moved.nonzero().tolist() == [[1, 2]]


def test_what_is_added_is_the_projection_of_values_and_presence():
    ways, grid, vector = (
        ports(DEPTH, SPEED),
        Grid(torch.randn(2, 2, 3, 4, 6)),
        Vector(torch.randn(2, 3, 3)),
    )
    patches, time = torch.randn(2, 3, 2, 3, 8), torch.randn(2, 3, 6)
    added = ways.grids["depth"](patchify(grid.signal(), (1, 2, 2)))
    assert torch.equal(ways.onto_patches(patches, {"depth": grid}), patches + added)
    told = ways.vectors["speed"](vector.signal())
    assert torch.equal(ways.onto_time(time, {"speed": vector}), time + told)


def test_present_at_zero_is_not_absent():
    grid, vector = Grid(torch.zeros(2, 2, 3, 4, 6)), Vector(torch.zeros(2, 3, 3))
    patches, time = torch.randn(2, 3, 2, 3, 8), torch.randn(2, 3, 6)
    ways = ports(DEPTH, SPEED)
    assert not torch.equal(ways.onto_patches(patches, {"depth": grid}), patches)
    assert torch.equal(ways.onto_patches(patches, {"depth": grid.absent()}), patches)
    assert not torch.equal(ways.onto_time(time, {"speed": vector}), time)
    assert torch.equal(ways.onto_time(time, {"speed": vector.absent()}), time)


def test_strength_scales_what_is_added():
    grid, vector = Grid(torch.randn(2, 2, 3, 4, 6)), Vector(torch.randn(2, 3, 3))
    ways = ports(DEPTH, SPEED)
    for call, zero, name, condition in (
        (ways.onto_patches, torch.zeros(2, 3, 2, 3, 8), "depth", grid),
        (ways.onto_time, torch.zeros(2, 3, 6), "speed", vector),
    ):
        whole = call(zero, {name: condition})
        torch.testing.assert_close(call(zero, {name: condition.scaled(0.25)}), whole / 4)


def looks(batch=2, length=4, channels=5):
    torch.manual_seed(length)
    return Tokens(torch.randn(batch, length, channels), torch.ones(batch, length).bool())


def test_tokens_of_all_conditions_are_one_sequence_and_say_whose_they_are():
    ways = ports(DEPTH, LOOKS, SOUND)
    assert ways.sequence({}) is None
    both = ways.sequence({"looks": looks().scaled(0.5), "sound": looks(length=3, channels=4)})
    assert both.tokens.shape == (2, 7, 8)
    assert both.weights.tolist() == [[0.5] * 4 + [1] * 3] * 2
    zero = Tokens(torch.zeros(2, 1, 5), torch.ones(2, 1).bool())
    other = Tokens(torch.zeros(2, 1, 4), torch.ones(2, 1).bool())
    one, two = ways.sequence({"looks": zero, "sound": other}).tokens.unbind(1)
    assert not torch.allclose(one, two)  # the same said by two


def attention(sequence, x=None):
    x = torch.ones(2, 3, 2, 2, 16) * torch.arange(16) if x is None else x
    return shaken(PortAttention(16, 2, 8))(x, sequence) - x


def test_absent_tokens_are_not_read_and_others_are():
    ways = ports(LOOKS, SOUND)
    sound = looks(length=3, channels=4)
    gone = looks().dropped(torch.tensor([True, False]))
    alone = attention(ways.sequence({"sound": sound}))
    found = attention(ways.sequence({"looks": gone, "sound": sound}))
    assert torch.allclose(found[0], alone[0]) and not torch.allclose(found[1], alone[1])
    nothing = attention(ways.sequence({"looks": gone}))
    assert not nothing[0].any() and nothing[1].any()


def test_the_strength_of_tokens_scales_what_is_read():
    ways = ports(LOOKS)
    whole = attention(ways.sequence({"looks": looks()}))
    half = attention(ways.sequence({"looks": looks().scaled(0.5)}))
    torch.testing.assert_close(half, whole / 2)


def test_new_ports_add_exactly_nothing():
    ways = ports(DEPTH, SPEED, LOOKS)
    reader = shaken(PortAttention(16, 2, 8))
    zero_ports_(torch.nn.ModuleList([ways, reader]))
    x, patches, time = torch.randn(2, 3, 2, 2, 16), torch.randn(2, 3, 2, 3, 8), torch.randn(2, 3, 6)
    assert torch.equal(
        ways.onto_patches(patches, {"depth": Grid(torch.randn(2, 2, 3, 4, 6))}), patches
    )
    assert torch.equal(ways.onto_time(time, {"speed": Vector(torch.randn(2, 3, 3))}), time)
    assert torch.equal(reader(x, ways.sequence({"looks": looks()})), x)
    assert ways.tokens["looks"].weight.any()  # else nothing would ever be learned
