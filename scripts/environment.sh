# Sourced by demo.sh and test.sh: finds a Python, makes a virtual environment from a lock file.

# Prints a CPython 3.10-3.12 that runs. VPR_ROS_PYTHON names one outright.
find_python() {
  local candidate
  for candidate in "${VPR_ROS_PYTHON:-}" python3.12 python3.11 python3.10 python3 python \
    "$HOME"/.pyenv/versions/3.12.*/bin/python "$HOME"/.pyenv/versions/3.11.*/bin/python \
    "$HOME"/.pyenv/versions/3.10.*/bin/python; do
    [ -n "$candidate" ] || continue
    # A name on PATH may be a shim that does not run, so each candidate has to answer.
    if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' \
      >/dev/null 2>&1; then
      "$candidate" -c 'import sys; print(sys.executable)'
      return 0
    fi
  done
  echo "error: no Python 3.10, 3.11 or 3.12 with venv found. Install one (on Debian or Ubuntu: apt install" \
    "python3 python3-venv), or set VPR_ROS_PYTHON to its path." >&2
  return 2
}

# make_environment FOLDER LOCK: installs what the lock file names, unless this very lock is installed already.
make_environment() {
  local folder=$1 lock=$2 python stamp
  stamp=$(sha256sum <"$lock")
  if [ -x "$folder/bin/python" ] && [ "$(cat "$folder/.lock" 2>/dev/null)" = "$stamp" ]; then
    return 0
  fi
  python=$(find_python) || return 2
  echo "setting up $folder with $("$python" --version) ..." >&2
  rm -rf "$folder"
  "$python" -m venv "$folder"
  "$folder/bin/python" -m pip install --quiet --disable-pip-version-check uv
  # Compiling here saves every later process, each of them a robot's start, the same seconds.
  "$folder/bin/uv" pip install --quiet --python "$folder/bin/python" --compile-bytecode --require-hashes -r "$lock"
  printf '%s' "$stamp" >"$folder/.lock"
}
