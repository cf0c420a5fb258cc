# Copyright 2026 vpr_ros maintainers
# Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file except in compliance with
# the License. You may obtain a copy of the License at http://www.apache.org/licenses/LICENSE-2.0 Unless required by
# applicable law or agreed to in writing, software distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for the specific language
# governing permissions and limitations under the License.

"""One package, installed by colcon beside ROS or by pip without it."""

import sys
from pathlib import Path

from setuptools import find_packages, setup

NAME = "vpr_ros"
COMMANDS = [
    "build_map", "inspect_map", "edit_map", "localize", "evaluate", "calibrate", "play", "simulate", "watch",
    "benchmark", "benchmark_search", "train", "benchmark_train", "train_nano", "train_local_head", "train_structvpr",
    "export_model", "convert_checkpoint", "compare_models", "compare_papers", "compare_delg",
    "compare_structvpr", "compare_precision",
    "evaluate_revisited", "describe_model",
]  # fmt: skip

# What the robot's process needs and ROS does not bring. Without ROS, `ros` brings the ROS client too; where ROS is
# installed nobody asks for that extra, so nothing here shadows a package of the distribution.
ROBOT = [
    "faiss-cpu",
    "matplotlib",
    "numpy>=1.23",
    "opencv-python-headless>=4.5,<5",
    "pillow",
    "pymap3d",
    "pyyaml",
    "rich",
    "rosbags>=0.10",
    "scipy>=1.8",
]
# What the tests ran with: 1.23 is the last for Python 3.10.
ONNXRUNTIME = ">=1.23,<1.32"
ROS_WITHOUT_ROS = ["ros-jazzy-rclpy[fastrtps]==7.1.6", "ros-jazzy-common-interfaces==5.3.6"]
# A map whose descriptors lie on a server; the server itself only to test and to try it.
MILVUS = "pymilvus>=2.6,<2.7"
MILVUS_SERVER = 'milvus==2.3.5; sys_platform == "linux" and platform_machine == "x86_64"'
TRAIN = [
    "jsonargparse[signatures]",
    "lightning>=2.4",
    "onnx>=1.16",
    "onnxscript",
    "pytorch-metric-learning>=2.3",
    "safetensors",
    "tensorboard",
    "timm>=1.0",
    "torch>=2.4",
    "torchvision",
]
TEST = [
    "colcon-common-extensions",
    "mcap",
    "mcap-ros2-support",
    MILVUS_SERVER,
    "mypy",
    "onnx>=1.16",
    "psutil",
    MILVUS,
    "pytest>=8,<8.4",
    "pytest-timeout",
    "rosbags-image",
    "ruff",
    "setuptools<80",
]


def data_files() -> list[tuple[str, list[str]]]:
    """Launch files, configuration and the ament marker, where `ros2 launch` and `ros2 pkg` look for them."""
    folders = ["launch", "config", "config/recipes"]
    shared = [
        (f"share/{NAME}/{folder}", [str(f) for f in sorted(Path(folder).glob("*")) if f.is_file()])
        for folder in folders
    ]
    return [
        ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
        (f"share/{NAME}", ["package.xml"]),
        *shared,
    ]


def console_scripts() -> list[str]:
    """One executable for each command where ``ros2 run`` looks, a single one where PATH does.

    setup.cfg sends the scripts of ``setup.py install`` and ``setup.py develop``, which is what colcon runs, to
    ``lib/vpr_ros``. Those of a wheel go to PATH, where ``watch``, ``play`` and ``train`` are other people's programs.
    """
    if {"install", "develop"} & set(sys.argv):
        return [f"{name} = {NAME}.__main__:{name}" for name in COMMANDS]
    return [f"{NAME} = {NAME}.__main__:main"]


setup(
    name=NAME,
    version="0.1.0",
    description="A robot's pose in a known map from one camera image",
    license="Apache-2.0",
    author="vpr_ros maintainers",
    maintainer="vpr_ros maintainers",
    maintainer_email="maintainers@users.noreply.h-seed-8003e2f6.example",
    packages=find_packages(include=[NAME, f"{NAME}.*"]),
    package_data={
        NAME: ["inference/weights/*.onnx", "inference/weights/*.json", "training/labels/groupings/*.yaml", "py.typed"]
    },
    data_files=data_files(),
    zip_safe=False,
    python_requires=">=3.10",
    install_requires=["setuptools"],
    extras_require={
        "ros": [*ROBOT, f"onnxruntime{ONNXRUNTIME}", *ROS_WITHOUT_ROS],
        "ros-gpu": [*ROBOT, f"onnxruntime-gpu[cuda,cudnn]{ONNXRUNTIME}", *ROS_WITHOUT_ROS],
        "train": [*ROBOT, f"onnxruntime{ONNXRUNTIME}", *TRAIN],
        "milvus": [MILVUS],
        "test": TEST,
    },
    entry_points={"console_scripts": console_scripts()},
)
