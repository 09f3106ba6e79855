"""Exact softmax attention as blocks of batched matrix products that stay in cache.

A block is as many (row, head) pairs, or as many queries of one pair, as make about half a million
probabilities. Nothing of size n x m is kept for backward: the probabilities are computed again
(as in FlashAttention, Dao et al. 2022, but with whole rows, so the softmax is the plain one).

Axes: b (row, head) pairs, n queries, m keys, d features.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

# Probabilities a block: 1 MiB in bf16, so that a block and its gradient stay in the cache.
BLOCK = 2**19
# With fewer keys than this the kernels of torch vectorize better along the queries.
FEW_KEYS = 128


class BlockedAttention(torch.autograd.Function):
    """softmax(q k^T / sqrt(d)) v, for q (b, k, n, d), k and v (b, k, m, d), mask as in `attend`."""

    @staticmethod
    def forward(ctx, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
        ctx.shapes, ctx.scale = (q.shape, k.shape), q.shape[-1] ** -0.5
        bias = additive(mask, q)
        q, k, v = (q * ctx.scale).flatten(0, 1), k.flatten(0, 1), v.flatten(0, 1)
        out = torch.empty_like(q, memory_format=torch.contiguous_format)
        for pairs, queries in blocks(len(q), q.shape[1], k.shape[1]):
            p, p_rows = probabilities(q[pairs, queries], k[pairs], bias, pairs, queries)
            torch.bmm(p_rows, v[pairs], out=out[pairs, queries])
        ctx.save_for_backward(q, k, v, bias)
        return out.view(ctx.shapes[0])

    @staticmethod
    def backward(ctx, grad: Tensor):
        q, k, v, bias = ctx.saved_tensors
        grad = grad.flatten(0, 1)
        dq, dk, dv = (torch.zeros(x.shape, dtype=x.dtype, device=x.device) for x in (q, k, v))
        for pairs, queries in blocks(len(q), q.shape[1], k.shape[1]):
            qs, g = q[pairs, queries], grad[pairs, queries]
            p, p_rows = probabilities(qs, k[pairs], bias, pairs, queries)
            dp, _ = products(g, v[pairs])
            # ds = p (dp - sum_m p dp), the gradient of the softmax, in one fused pass
            ds = torch._softmax_backward_data(dp, p, key_axis(k), p.dtype)
            ds_rows = as_rows(ds, k)
            torch.bmm(ds_rows, k[pairs], out=dq[pairs, queries])
            dk[pairs].baddbmm_(ds_rows.transpose(1, 2), qs)
            dv[pairs].baddbmm_(p_rows.transpose(1, 2), g)
        q_shape, k_shape = ctx.shapes
        return dq.mul_(ctx.scale).view(q_shape), dk.view(k_shape), dv.view(k_shape), None


def key_axis(k: Tensor) -> int:
    """Where a block of probabilities has its keys: b m n if there are few, else b n m."""
    return 1 if k.shape[1] < FEW_KEYS else 2


def as_rows(block: Tensor, k: Tensor) -> Tensor:
    """A view of a block as b n m."""
    return block.transpose(1, 2) if key_axis(k) == 1 else block


def products(q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
    """All dot products of queries and keys: as they lie in memory, and viewed as b n m."""
    block = torch.bmm(k, q.mT) if key_axis(k) == 1 else torch.bmm(q, k.mT)
    return block, as_rows(block, k)


def probabilities(
    q: Tensor, k: Tensor, bias: Tensor | None, pairs: slice, queries: slice
) -> tuple[Tensor, Tensor]:
    """softmax(q k^T + bias) of one block: as it lies in memory, and viewed as b n m."""
    scores, rows = products(q, k)
    if bias is not None:
        bias = bias if len(bias) == 1 else bias[pairs]
        rows += bias if bias.shape[1] == 1 else bias[:, queries]
    p = scores.softmax(key_axis(k))
    return p, as_rows(p, k)


def additive(mask: Tensor | None, q: Tensor) -> Tensor | None:
    """The mask as 0 and -inf to be added to the scores: (1 or b, 1 or n, m)."""
    if mask is None:
        return None
    bias = torch.zeros(mask.shape, dtype=q.dtype, device=q.device)
    bias.masked_fill_(~mask, float("-inf"))
    return bias[None] if bias.ndim == 2 else bias.repeat_interleave(q.shape[1], 0)


def blocks(num_pairs: int, num_queries: int, num_keys: int) -> Iterator[tuple[slice, slice]]:
    """Slices of (row, head) pairs and of queries that hold about BLOCK probabilities each."""
    pairs = max(1, BLOCK // (num_queries * num_keys))
    queries = min(num_queries, max(1, BLOCK // num_keys))
    for i in range(0, num_pairs, pairs):
        for j in range(0, num_queries, queries):
            yield slice(i, i + pairs), slice(j, j + queries)
