"""One batch over several processes: every process sees the descriptors of all."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn


def process_group_size() -> tuple[int, int]:
    """Return rank and world size, (0, 1) where nothing is distributed."""
    if dist.is_available() and dist.is_initialized():
        return dist.get_rank(), dist.get_world_size()
    return 0, 1


def gather_rows(rows: Tensor) -> Tensor:
    """(B, D) of each of W processes -> (W * B, D) in the order of ranks, with gradient.

    Every process must compute the same loss of all rows: then the gradient of its own rows needs no communication,
    and W times it, divided by W again when DDP averages, moves the parameters as if one process had held the whole
    batch. Each process must give equally many rows.
    """
    if process_group_size()[1] == 1:
        return rows
    gathered: Tensor = _GatherRows.apply(rows)
    return gathered


def gather_constant(values: Tensor) -> Tensor:
    """(B, ...) of each of W processes -> (W * B, ...) in the order of ranks, without gradient."""
    world_size = process_group_size()[1]
    if world_size == 1:
        return values
    parts = [torch.empty_like(values) for _ in range(world_size)]
    dist.all_gather(parts, values.contiguous())
    return torch.cat(parts)


def sum_over_processes(value: Tensor) -> Tensor:
    """Add a tensor over all processes, without gradient."""
    if process_group_size()[1] == 1:
        return value
    total = value.detach().clone()
    dist.all_reduce(total)
    return total


def copy_from_first(module: nn.Module) -> None:
    """Give every process the parameters and buffers of process 0."""
    if process_group_size()[1] > 1:
        for tensor in module.state_dict().values():
            dist.broadcast(tensor, 0)


class _GatherRows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        ctx.count = len(rows)
        return gather_constant(rows.detach())

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        rank, world_size = process_group_size()
        own: Tensor = gradients[0][rank * ctx.count : (rank + 1) * ctx.count] * world_size
        return own
