"""One batch over several processes: every process sees the descriptors of all."""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.nn.functional import all_gather


def process_group_size() -> tuple[int, int]:
    """Return rank and world size, (0, 1) where nothing is distributed."""
    if dist.is_available() and dist.is_initialized():
        return dist.get_rank(), dist.get_world_size()
    return 0, 1


def gather_rows(rows: Tensor) -> Tensor:
    """(B, D) of each of W processes -> (W * B, D) in the order of ranks, with gradient.

    Every process must compute the same loss of all rows: then the gradients of its own rows, summed over W processes
    and divided by W again when DDP averages, move the parameters as if one process had held the whole batch. Each
    process must give equally many rows.
    """
    return rows if process_group_size()[1] == 1 else torch.cat(all_gather(rows.contiguous()))


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
