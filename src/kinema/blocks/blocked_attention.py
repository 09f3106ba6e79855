"""Exact softmax attention as blocks of batched matrix products that stay in cache.

A block is as many (row, head) pairs, or as many queries of one pair, as make about half a million
probabilities. Nothing of size n x m is kept for backward: the probabilities are computed again
(as in FlashAttention, Dao et al. 2022, but with whole rows, so the softmax is the plain one).
"""

from collections.abc import Iterator

import torch
from torch import Tensor

# Probabilities a block: 1 MiB in bf16, so that a block and its gradient stay in the cache.
BLOCK = 2**19


class BlockedAttention(torch.autograd.Function):
    """softmax(q k^T / sqrt(d)) v, for q (b, k, n, d), k and v (b, k, m, d), mask as in `attend`."""

    @staticmethod
    def forward(ctx, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
        scale = q.shape[-1] ** -0.5
        # b k n d -> (b k) n d
        qs, ks, vs = (q * scale).flatten(0, 1), k.flatten(0, 1), v.flatten(0, 1)
        bias = additive(mask, q)
        out = torch.empty_like(qs)
        for pairs, queries in blocks(len(qs), qs.shape[1], ks.shape[1]):
            p = probabilities(qs[pairs, queries], ks[pairs], block_bias(bias, pairs, queries))
            torch.bmm(p, vs[pairs], out=out[pairs, queries])
        ctx.save_for_backward(qs, ks, vs, bias)
        ctx.shape, ctx.scale = q.shape, scale
        return out.view(q.shape)

    @staticmethod
    def backward(ctx, grad: Tensor):
        qs, ks, vs, bias = ctx.saved_tensors
        grad = grad.flatten(0, 1)
        dq, dk, dv = torch.empty_like(qs), torch.zeros_like(ks), torch.zeros_like(vs)
        for pairs, queries in blocks(len(qs), qs.shape[1], ks.shape[1]):
            q, g = qs[pairs, queries], grad[pairs, queries]
            p = probabilities(q, ks[pairs], block_bias(bias, pairs, queries))
            dp = torch.bmm(g, vs[pairs].transpose(1, 2))
            # ds = p (dp - sum_j p dp), the gradient of the softmax, in one fused pass
            ds = torch._softmax_backward_data(dp, p, -1, p.dtype)
            torch.bmm(ds, ks[pairs], out=dq[pairs, queries])
            dk[pairs].baddbmm_(ds.transpose(1, 2), q)
            dv[pairs].baddbmm_(p.transpose(1, 2), g)
        heads = (ctx.shape[0], ctx.shape[1], *ks.shape[1:])
        return dq.mul_(ctx.scale).view(ctx.shape), dk.view(heads), dv.view(heads), None


def probabilities(q: Tensor, k: Tensor, bias: Tensor | None) -> Tensor:
    """softmax(q k^T + bias) over the keys, for the scaled queries of one block."""
    scores = torch.bmm(q, k.transpose(1, 2))
    if bias is not None:
        scores += bias
    return scores.softmax(-1)


def additive(mask: Tensor | None, q: Tensor) -> Tensor | None:
    """The mask as 0 and -inf to be added to the scores: (1 or b k, 1 or n, m)."""
    if mask is None:
        return None
    bias = torch.zeros(mask.shape, dtype=q.dtype, device=q.device)
    bias.masked_fill_(~mask, float("-inf"))
    return bias[None] if bias.ndim == 2 else bias.repeat_interleave(q.shape[1], 0)


def block_bias(bias: Tensor | None, pairs: slice, queries: slice) -> Tensor | None:
    """The part of the bias that belongs to one block."""
    if bias is None:
        return None
    bias = bias if len(bias) == 1 else bias[pairs]
    return bias if bias.shape[1] == 1 else bias[:, queries]


def blocks(num_pairs: int, num_queries: int, num_keys: int) -> Iterator[tuple[slice, slice]]:
    """Slices of (row, head) pairs and of queries that hold about BLOCK probabilities each."""
    pairs = max(1, BLOCK // (num_queries * num_keys))
    queries = min(num_queries, max(1, BLOCK // num_keys))
    for i in range(0, num_pairs, pairs):
        for j in range(0, num_queries, queries):
            yield slice(i, i + pairs), slice(j, j + queries)
