# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""The frames of a map as rows of a collection, put there so that none is there twice and none is missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np

from vpr_ros.mapping.usable_frames import Progress
from vpr_ros.maps.place_map import PlaceMap
from vpr_ros.maps.remote.client import Client
from vpr_ros.maps.remote.schema import DESCRIPTOR, FRAME, MAP, POSITION, QUATERNION, SESSION, MapIdentity
from vpr_ros.maps.remote.states import RemoteIndexError, RemoteState

BLOCK_FRAMES: Final = 10_000
"""Looked at together; Milvus answers with at most 16384 rows."""
_BATCH_BYTES: Final = 8 << 20
_WRITE_TIMEOUT_S: Final = 60.0
_READ_TIMEOUT_S: Final = 60.0


def blocks(frames: int) -> Iterator[tuple[int, int]]:
    """First frame and the one behind the last of each block."""
    for first in range(0, frames, BLOCK_FRAMES):
        yield first, min(first + BLOCK_FRAMES, frames)


def write_block(client: Client, place_map: PlaceMap, identity: MapIdentity, first: int, end: int) -> None:
    """Put the frames from *first* to before *end* there. What is there already is replaced: no frame is there twice.

    Raises:
        RemoteIndexError: the server is gone, full, or slow.
    """
    batch = max(1, _BATCH_BYTES // (4 * identity.dim))
    for start in range(first, end, batch):
        rows = _rows(place_map, identity, start, min(start + batch, end))
        client.ask_collection("writing", "upsert", _WRITE_TIMEOUT_S, data=rows)


def write_missing(
    client: Client, place_map: PlaceMap, identity: MapIdentity, progress: Progress | None
) -> list[tuple[int, int]]:
    """Look at every block, and put there again each that is not whole.

    Returns:
        the blocks that were put there.

    Raises:
        RemoteIndexError: the server is gone, full, or slow; or rows are there that are no frames of the map.
    """
    written: list[tuple[int, int]] = []
    for first, end in blocks(identity.frames):
        if not is_whole(client, first, end):
            chosen = f"{FRAME} >= {first} and {FRAME} < {end}"
            client.ask_collection("removing what a killed load left", "delete", _WRITE_TIMEOUT_S, filter=chosen)
            write_block(client, place_map, identity, first, end)
            written.append((first, end))
        if progress is not None:
            progress(end, identity.frames)
    return written


def check_all(client: Client, identity: MapIdentity, written: Sequence[tuple[int, int]]) -> None:
    """See to it that every frame of the blocks *written* is there once, and no more rows than the map has frames.

    Raises:
        RemoteIndexError: it is not so.
    """
    broken = [first for first, end in written if not is_whole(client, first, end)]
    found = client.count(timeout_s=_READ_TIMEOUT_S)
    if broken or found != identity.frames:
        raise RemoteIndexError(
            RemoteState.INCOMPLETE,
            f"Milvus at {client.address}: {found} rows came to be there, the map has {identity.frames} frames"
            + (f"; those from frame {broken[0]} on are not whole" if broken else ""),
        )


def is_whole(client: Client, first: int, end: int) -> bool:
    """Whether each frame from *first* to before *end* is there once: as many rows as frames, and every number."""
    if client.count(f"{FRAME} >= {first} and {FRAME} < {end}", _READ_TIMEOUT_S) != end - first:
        return False
    return np.array_equal(np.sort(client.frames_in(first, end, _READ_TIMEOUT_S)), np.arange(first, end))


def _rows(place_map: PlaceMap, identity: MapIdentity, first: int, end: int) -> list[dict[str, Any]]:
    frames, number = place_map.frames, identity.number
    descriptors = place_map.descriptors[first:end].astype(np.float32)
    quat_xyzw = np.nan_to_num(frames.quat_xyzw[first:end])  # an unknown orientation is four zeros: Milvus knows no NaN
    return [
        {
            FRAME: frame,
            MAP: number,
            SESSION: session,
            **dict(zip(POSITION, position_m, strict=True)),
            **dict(zip(QUATERNION, quaternion, strict=True)),
            DESCRIPTOR: descriptor,
        }
        for frame, session, position_m, quaternion, descriptor in zip(
            range(first, end),
            frames.session[first:end].tolist(),
            frames.position_m[first:end].tolist(),
            quat_xyzw.tolist(),
            descriptors,
            strict=True,
        )
    ]
