import numpy as np
import pytest
import torch

from kinema.judges.tabletop.network import (
    JudgeConfig,
    JudgeNetwork,
    coordinates,
    prepare,
    shift_frames,
)

VOCABULARY = {"moves": ["no", "yes"], "color": ["red", "blue", "green"]}  # not by the alphabet


def small_network():
    torch.manual_seed(0)
    return JudgeNetwork(JudgeConfig(VOCABULARY, (8, 16), num_looks=1, num_heads=2)).eval()


@pytest.mark.parametrize("num_frames", [1, 2, 9])
def test_one_row_of_logits_per_question(num_frames):
    logits = small_network()(torch.zeros(2, 3, num_frames, 64, 64))
    assert {question: scores.shape for question, scores in logits.items()} == {
        "color": (2, 3),
        "moves": (2, 2),
    }


def test_a_clip_is_read_alike_alone_and_in_company():
    network, clips = small_network(), torch.rand(3, 3, 5, 64, 64)
    together, alone = network(clips)["color"], network(clips[1:2])["color"]
    torch.testing.assert_close(together[1:2], alone, atol=1e-5, rtol=1e-5)


def test_saved_and_loaded_it_answers_alike(tmp_path):
    network, clips = small_network(), torch.rand(2, 3, 3, 64, 64)
    network.save_pretrained(str(tmp_path))
    loaded = JudgeNetwork.from_pretrained(str(tmp_path)).eval()
    for question, logits in network(clips).items():
        torch.testing.assert_close(loaded(clips)[question], logits)


def test_shift_brings_in_the_neighbors():
    x = torch.arange(1.0, 4).reshape(3, 1, 1, 1).expand(3, 8, 1, 1)  # frames hold 1, 2, 3
    shifted = shift_frames(x, num_frames=3)[:, :, 0, 0]
    assert shifted[:, :2].T.tolist() == [[0, 1, 2]] * 2, "the previous frame"
    assert shifted[:, 2:4].T.tolist() == [[2, 3, 0]] * 2, "the next frame"
    assert shifted[:, 4:].T.tolist() == [[1, 2, 3]] * 4


def test_clips_do_not_leak_into_each_other():
    x = torch.zeros(4, 8, 1, 1)
    x[2:] = 1  # the second clip of two
    assert shift_frames(x, num_frames=2)[:2].abs().sum() == 0


def test_coordinates_are_distinct_and_bounded():
    places = coordinates(3, 4, 5)
    assert places.shape == (60, 8)
    assert places.abs().max() <= 1 + 1e-6
    assert len(torch.unique(places, dim=0)) == 60


@pytest.mark.parametrize("fps, kept", [(16, 5), (8, 9), (24, 3), (4, 17), (3, 17)])
def test_clips_are_thinned_and_resized(fps, kept):
    assert prepare(np.zeros((17, 32, 48, 3), np.uint8), fps).shape == (3, kept, 64, 64)


def test_bytes_become_numbers_from_minus_one_to_one():
    frames = np.zeros((1, 64, 64, 3), np.uint8)
    frames[..., 0] = 255
    values = prepare(frames, 4)[:, 0, 0, 0]
    assert values.tolist() == [1, -1, -1]
