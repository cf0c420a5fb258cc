#!/usr/bin/env bash
# Sets up everything the tests need (robot side, trainer, test tools) and runs them, files side by side in three or four
# processes. Arguments go to pytest; `-n 0` runs one test after the other.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/environment.sh

make_environment .venv-test requirements/test.txt
export PATH="$PWD/.venv-test/bin:$PATH" VIRTUAL_ENV="$PWD/.venv-test"
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}" MPLBACKEND=Agg
unset _ROS_WHEELS_BOOTSTRAP_COMPLETE
# The processes share the cores: threads of each that wait for their like would keep the others, and DDS, waiting.
export OPENBLAS_NUM_THREADS="${OPENBLAS_NUM_THREADS:-1}" OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"

ruff check .
ruff format --check .
mypy
# Three at least: the one that talks over DDS mostly waits.
cores=$(nproc)
workers=$((cores < 3 ? 3 : cores > 4 ? 4 : cores))
exec python -m pytest --numprocesses "$workers" --dist loadfile "$@"
