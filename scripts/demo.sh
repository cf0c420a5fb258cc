#!/usr/bin/env bash
# The whole path on a machine without ROS: record a drive through a simulated town, build a map of it, run the real node
# on the map, drive again at another hour, and print how good the poses were; then the same offline with a real
# recording, two laps of an office corridor. Everything lands in demo_output/.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/environment.sh

make_environment .venv requirements/robot.txt
python=$PWD/.venv/bin/python
out=$PWD/demo_output
mkdir -p "$out"
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}" MPLBACKEND=Agg ROS_LOG_DIR="$out/log"
export ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST ROS_DOMAIN_ID=${ROS_DOMAIN_ID:-$((RANDOM % 200 + 10))}
export FASTRTPS_DEFAULT_PROFILES_FILE="$PWD/config/fastdds_large_images.xml"
unset _ROS_WHEELS_BOOTSTRAP_COMPLETE

vpr_ros() { "$python" -m vpr_ros "$@"; }
pids=()
trap 'for pid in "${pids[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done; wait 2>/dev/null || true' EXIT

echo "1/5 recording a drive by day and one at dusk through a simulated town"
rm -rf "$out/day" "$out/dusk" "$out/report" "$out/evaluation" "$out/corridor"
vpr_ros simulate --seed 1 --distance-m 300 --conditions day --record "$out/day" --storage mcap
vpr_ros simulate --seed 1 --distance-m 300 --conditions dusk --lateral-offset-m 0.8 --drive-seed 2 \
  --record "$out/dusk" --storage mcap

echo "2/5 building the map from the day's drive"
vpr_ros build_map "$out/day" --min-distance 1.0 --output "$out/map" --overwrite
vpr_ros inspect_map "$out/map" --picture "$out/map.png"

echo "3/5 running the node while the robot drives at dusk"
"$python" -m vpr_ros localize --ros-args -p map:="$out/map" &
pids+=($!)
"$python" -m vpr_ros watch --output "$out/report" --threshold 5 --print-poses \
  --ros-args -r ground_truth:=/play/ground_truth &
watcher=$!
pids+=("$watcher")
vpr_ros play "$out/dusk" --wait-for vpr_localizer --wait-for watch
kill -TERM "$watcher"
wait "$watcher"

echo "4/5 evaluating the same drive offline"
vpr_ros evaluate "$out/map" "$out/dusk" --threshold 5 --output "$out/evaluation"

echo "5/5 a real recording: a map of one lap of an office corridor (test/data/README.md), asked with the next lap"
corridor=test/data/office_corridor
vpr_ros build_map "$corridor/map" --poses "$corridor/poses.csv" --min-distance 0 --min-angle 0 \
  --output "$out/corridor_map" --overwrite
vpr_ros evaluate "$out/corridor_map" "$corridor/query" --positives "$corridor/gt.csv" --output "$out/corridor"
echo "pictures: $out/map.png  $out/report/live.png  $out/evaluation/report.html  $out/corridor/report.html"
