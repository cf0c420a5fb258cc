#!/usr/bin/env bash
# Runs the tests marked `gpu` on this machine's NVIDIA GPU and prints one table: what was checked, and what it measured.
# Needs no ROS, only Python 3.10 to 3.12 and PyPI: it makes .venv-gpu. Options go to pytest (e.g. -k node), but for
#   --rehearse   let the CPU stand in for the GPU, which tries the checks themselves and says nothing of any GPU
# VPR_ROS_GPU_PYTHON    a Python that has everything already, the test tools too, as on a Jetson, whose onnxruntime and
#                       torch are NVIDIA's (docs/jetson.md)
# VPR_ROS_GPU_PACKAGES  what is installed in place of onnxruntime; for TensorRT add its libraries
#                       ("onnxruntime-gpu>=1.23,<1.32 tensorrt-cu13-libs==10.*")
# Run nothing beside it: half of what it prints are times. Exit status: 0, 1 where a check failed, 2 where none could run.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/environment.sh

rehearse=false
if [ "${1:-}" = --rehearse ]; then
  rehearse=true
  shift
fi
packages=${VPR_ROS_GPU_PACKAGES:-"onnxruntime-gpu>=1.23,<1.32"}
environment=.venv-gpu
[ "$rehearse" = true ] && environment=.venv-test

base=${VPR_ROS_GPU_PYTHON:-$(find_python)}
problem=$("$base" -c 'import sys; sys.path.insert(0, "test"); import gpu_table; print(gpu_table.why_no_device())')
if [ -n "$problem" ] && [ "$rehearse" = false ]; then
  {
    echo "error: $problem. Run this on a machine with one, or with --rehearse to try the checks on the CPU."
    echo "Not run:"
    "$base" test/gpu_table.py --not-run test/gpu
  } >&2
  exit 2
fi

if [ -n "${VPR_ROS_GPU_PYTHON:-}" ]; then
  python=$VPR_ROS_GPU_PYTHON
else
  make_environment "$environment" requirements/test.txt
  python=$PWD/$environment/bin/python
  if [ "$rehearse" = false ] && [ "$(cat "$environment/.packages" 2>/dev/null)" != "$packages" ]; then
    # They share a folder with onnxruntime, and the last one installed wins. torch has brought CUDA and cuDNN.
    "$environment/bin/uv" pip uninstall --quiet --python "$python" onnxruntime
    read -ra wanted <<<"$packages"
    "$environment/bin/uv" pip install --quiet --python "$python" "${wanted[@]}"
    printf '%s' "$packages" >"$environment/.packages"
  fi
fi

export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}" MPLBACKEND=Agg
unset _ROS_WHEELS_BOOTSTRAP_COMPLETE
[ "$rehearse" = true ] && export VPR_ROS_GPU_STAND_IN=cpu
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
status=0
"$python" -m pytest test/gpu -m gpu -o junit_family=xunit1 --junitxml="$results/gpu.xml" "$@" || status=$?
[ -f "$results/gpu.xml" ] || { echo "error: pytest ended with $status and no results." >&2; exit 2; }
"$python" test/gpu_table.py "$results/gpu.xml"
[ "$status" -le 1 ] || exit 2
exit "$status"
