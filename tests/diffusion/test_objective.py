import itertools

import pytest
import torch

from kinema.diffusion import PATHS, PREDICTIONS, loss, loss_weight

SHAPE = (2, 3, 4, 2, 2)
T = torch.tensor([[0.3, 0.5, 0.7, 0.9], [0.2, 0.4, 0.6, 0.8]], dtype=torch.float64)


def example():
    return torch.randn(3, *SHAPE, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("prediction, measure", itertools.product(PREDICTIONS, PREDICTIONS))
@pytest.mark.parametrize("path", ["linear", "cosine", "ddpm"])
def test_error_is_that_of_converting_the_output_to_the_space_of_the_loss(path, prediction, measure):
    path, t = PATHS[path], 0.7 * T  # where no divisor is clamped
    x0, noise, output = example()
    x = path.add_noise(x0, noise, t)
    guess = PREDICTIONS[prediction].to_x0(path, output, x, t)
    measure = PREDICTIONS[measure]
    error = measure.from_x0(path, guess, x, t) - measure.target(path, x0, noise, t)
    ours = loss(lambda *_: output, x0, None, t, noise, path, prediction, measure)
    expected = error.square().mean((1, 2, 3, 4))
    torch.testing.assert_close(ours.double(), expected, rtol=1e-4, atol=1e-5)


def test_network_sees_the_noised_video_its_times_and_conditions():
    x0, noise, _ = example()
    seen = []
    loss(lambda *given: seen.extend(given) or x0, x0, "text", T, noise, PATHS["linear"], "x0")
    torch.testing.assert_close(seen[0], PATHS["linear"].add_noise(x0, noise, T))
    assert seen[1] is T and seen[2] == "text"


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_perfect_network_has_no_loss(prediction):
    path, (x0, noise, _) = PATHS["cosine"], example()
    target = PREDICTIONS[prediction].target(path, x0, noise, T)
    assert loss(lambda *_: target, x0, None, T, noise, path, prediction).max() < 1e-10


@pytest.mark.parametrize("prediction", PREDICTIONS)
def test_given_frames_cost_nothing_and_do_not_dilute_the_rest(prediction):
    x0, noise, output = example()
    t = T.clone()
    t[0, :2] = 0
    changed = output.clone()
    changed[0, :, :2] += 10
    rows = [loss(lambda *_, o=o: o, x0, None, t, noise, PATHS["linear"], prediction)
            for o in (output, changed)]  # fmt: skip
    assert (rows[0] == rows[1]).all()
    noisy = loss(
        lambda *_: output[:, :, 2:], x0[:, :, 2:], None, t[:, 2:], noise[:, :, 2:],
        PATHS["linear"], prediction,
    )  # fmt: skip
    torch.testing.assert_close(rows[0][0], noisy[0])


def test_clean_clip_has_zero_loss_and_gradient():
    x0, noise, output = example()
    output.requires_grad_()
    value = loss(lambda *_: output, x0, None, torch.zeros_like(T), noise, PATHS["linear"], "x0")
    value.sum().backward()
    assert (value == 0).all() and (output.grad == 0).all()


def test_weight_of_x0_prediction_is_clamped_near_clean():
    t = torch.tensor([[1e-3, 0.05, 0.5]])
    weight = loss_weight(PATHS["linear"], t, "x0", "velocity")
    torch.testing.assert_close(weight, torch.tensor([[400.0, 400.0, 4.0]]))


def test_a_row_of_the_batch_costs_what_it_costs_alone():
    x0, noise, _ = example()
    whole = loss(lambda x, t, c: 0.3 * x, x0, None, T, noise, PATHS["linear"], "velocity")
    alone = loss(
        lambda x, t, c: 0.3 * x, x0[1:], None, T[1:], noise[1:], PATHS["linear"], "velocity"
    )
    torch.testing.assert_close(whole[1:], alone)
