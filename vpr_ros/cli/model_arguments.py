# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""Arguments that the commands about models share."""

from __future__ import annotations

import argparse
from typing import Any, get_args

from vpr_ros.core.preprocess import Aspect, Resize


def size_px(text: str) -> tuple[int, int]:
    """Parse HEIGHTxWIDTH."""
    try:
        height, width = (int(part) for part in text.lower().split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}, expected HEIGHTxWIDTH such as 240x320") from None
    if height < 1 or width < 1:
        raise argparse.ArgumentTypeError(f"{text!r}, expected two positive numbers")
    return height, width


def add_preprocessing(parser: argparse.ArgumentParser, size_help: str) -> None:
    """Add what says how an image becomes the network's input."""
    group = parser.add_argument_group("preprocessing")
    group.add_argument("--size", type=size_px, metavar="HEIGHTxWIDTH", help=size_help)
    group.add_argument("--resize", choices=get_args(Resize), help="interpolation")
    group.add_argument("--aspect", choices=get_args(Aspect), help="what happens to the aspect ratio")
    group.add_argument("--mean", type=float, nargs=3, help="per channel, on the 0..1 scale")
    group.add_argument("--std", type=float, nargs=3, help="per channel, on the 0..1 scale")


def preprocessing_changes(args: argparse.Namespace) -> dict[str, Any]:
    """Return what the user gave, by the names of ``Preprocessing``."""
    changes: dict[str, Any] = {key: getattr(args, key) for key in ("resize", "aspect") if getattr(args, key)}
    changes |= {key: tuple(getattr(args, key)) for key in ("mean", "std") if getattr(args, key)}
    if args.size is not None:
        changes |= {"height_px": args.size[0], "width_px": args.size[1]}
    return changes
