import torch
import torch.nn.functional as F

from kinema.blocks.normalization import EPS, FusedRMSNorm, RMSNorm


def test_it_is_torchs_rms_norm():
    x = torch.randn(3, 5, 16, requires_grad=True)
    norm = RMSNorm(16)
    torch.nn.init.normal_(norm.gain)
    grad = torch.randn_like(x)
    ours, theirs = norm(x), F.rms_norm(x, (16,), norm.gain, eps=EPS)
    torch.testing.assert_close(ours, theirs)
    for a, b in zip(
        torch.autograd.grad(ours, (x, norm.gain), grad),
        torch.autograd.grad(theirs, (x, norm.gain), grad),
        strict=True,
    ):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)


def test_gradcheck():
    x = torch.randn(2, 3, 4, dtype=torch.double, requires_grad=True)
    gain = torch.randn(4, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(FusedRMSNorm.apply, (x, gain))


def test_zeros_and_bf16_stay_finite_and_keep_their_type():
    x = torch.zeros(2, 8, dtype=torch.bfloat16, requires_grad=True)
    y = RMSNorm(8)(x)
    y.sum().backward()
    assert y.dtype == x.grad.dtype == torch.bfloat16
    assert torch.equal(y, torch.zeros_like(y)) and x.grad.isfinite().all()
