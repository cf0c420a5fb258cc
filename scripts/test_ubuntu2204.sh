#!/usr/bin/env bash
# Runs the tests of the robot side with the library versions of Ubuntu 22.04 (ROS 2 Humble), which are years older than
# those of the lock file, and without the names of ROS that Humble lacks. Needs Python 3.10; arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/environment.sh

for candidate in "${VPR_ROS_PYTHON:-}" "$(command -v python3.10 || true)" "$HOME"/.pyenv/versions/3.10.*/bin/python; do
  if [ "$("$candidate" -c 'import sys; print(sys.version_info[:2])' 2>/dev/null)" = "(3, 10)" ]; then
    python310=$candidate
    break
  fi
done
[ -n "${python310:-}" ] || { echo "error: no Python 3.10 found. Set VPR_ROS_PYTHON to its path." >&2; exit 2; }

VPR_ROS_PYTHON=$python310 make_environment .venv-ubuntu2204 requirements/ubuntu2204.txt
export PATH="$PWD/.venv-ubuntu2204/bin:$PATH" VIRTUAL_ENV="$PWD/.venv-ubuntu2204"
# test/ros/humble holds a sitecustomize.py, which Python imports at its start.
export PYTHONPATH="$PWD/test/ros/humble:$PWD${PYTHONPATH:+:$PYTHONPATH}" MPLBACKEND=Agg
unset _ROS_WHEELS_BOOTSTRAP_COMPLETE

[ $# -gt 0 ] || set -- test/core test/sources test/simulation test/inference test/maps test/localization test/mapping \
  test/evaluation test/cli test/ros
exec python -m pytest -W default "$@"  # libraries of 2022 warn
