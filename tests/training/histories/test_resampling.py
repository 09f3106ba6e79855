import torch

from kinema.diffusion import Linear
from kinema.training.histories.resampling import Resampling, resample_history

X0 = torch.linspace(-1, 1, 4 * 2 * 5 * 3 * 3).reshape(4, 2, 5, 3, 3)
T = torch.tensor([[0.0, 0, 0.7, 0.7, 0.7]]).repeat(4, 1)
NOISE = torch.randn(X0.shape, generator=torch.Generator().manual_seed(0))
T_S = torch.tensor([[0.3], [0.5], [0.8], [0.9]])


def resampled(denoise, x0=X0, t=T, t_s=T_S):
    return resample_history(denoise, x0, t, t_s, NOISE, Linear(), num_steps=3)


def test_who_knows_the_truth_resamples_the_true_history():
    again = resampled(lambda x, t: X0)
    assert torch.allclose(again, X0, atol=1e-6)


def test_a_blurred_denoiser_leaves_its_blur_in_the_history_alone():
    again = resampled(lambda x, t: 0 * x)
    assert torch.equal(again[:, :, 2:], X0[:, :, 2:])
    assert torch.allclose(again[:, :, :2], torch.zeros(1), atol=1e-6)


def test_the_network_sees_given_frames_at_one_time_and_nothing_of_the_rest():
    seen = []

    def denoise(x, t):
        seen.append((x, t))
        return X0

    resampled(denoise)
    (first, t), (_, later), _ = seen
    assert len(seen) == 3 and torch.equal(t[:, 0], t[:, 1])
    assert (later[:, :2] < t[:, :2]).all() and (t[:, 2:] == 1).all() and (later[:, 2:] == 1).all()
    other = X0.clone()
    other[:, :, 2:] += 5
    resampled(denoise, other)
    assert torch.equal(seen[3][0], first)


def test_clips_without_given_frames_and_those_not_chosen_stay():
    t = torch.cat([T[:2], torch.full((1, 5), 0.5), torch.zeros(1, 5)])
    again = resampled(lambda x, t: 0 * x, t=t)
    assert torch.equal(again[2:], X0[2:]) and not torch.equal(again[:2], X0[:2])
    assert torch.equal(resampled(lambda x, t: 0 * x, t_s=0 * T_S), X0)


def test_the_share_is_that_of_the_clips():
    torch.manual_seed(0)
    t_s = Resampling(share=0.3, mean=1.0).draw(1000)
    assert t_s.shape == (1000, 1) and 250 < (t_s > 0).sum() < 350
    assert t_s[t_s > 0].median() > 0.6 and t_s.max() < 1
