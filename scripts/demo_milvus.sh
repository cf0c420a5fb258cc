#!/usr/bin/env bash
# A map on a real Milvus server, that of the PyPI package `milvus` (Linux x86-64), on this machine: build a map of a simulated
# drive, load it, kill a second load half way and finish it, and ask both maps, the one in its folder and the one on the
# server (whose folder has no descriptors), with another drive. Everything lands in demo_output/milvus/.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/environment.sh

make_environment .venv-test requirements/test.txt
python=$PWD/.venv-test/bin/python
out=$PWD/demo_output/milvus
port=${MILVUS_PORT:-19530}
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}" MPLBACKEND=Agg
unset _ROS_WHEELS_BOOTSTRAP_COMPLETE
rm -rf "$out"
mkdir -p "$out"

vpr_ros() { "$python" -m vpr_ros "$@"; }
server=
trap '[ -z "$server" ] || { kill -TERM "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; }' EXIT

: >"$out/server.log"
echo "1/6 starting Milvus at 127.0.0.1:$port"
"$python" -c "
import signal, sys
from milvus import default_server as server
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
server.set_base_dir(sys.argv[1])
server.listen_port = int(sys.argv[2])
server.start()
print('ready', flush=True)
try:
    server.wait()
finally:
    server.stop()
" "$out/server" "$port" >"$out/server.log" 2>&1 &
server=$!
until grep -q '^ready' "$out/server.log"; do
  kill -0 "$server" || { cat "$out/server.log"; exit 1; }
  sleep 0.5
done

echo "2/6 a drive by day, another at dusk, and the map of the first"
vpr_ros simulate --seed 1 --distance-m 300 --conditions day --record "$out/day" --storage mcap
vpr_ros simulate --seed 1 --distance-m 300 --conditions dusk --lateral-offset-m 0.8 --drive-seed 2 \
  --record "$out/dusk" --storage mcap
vpr_ros build_map "$out/day" --min-distance 0.3 --output "$out/map" --index exact
cp -r "$out/map" "$out/remote_map"

echo "3/6 loading it; the first load is killed"
uri=milvus://127.0.0.1:$port/demo
timeout -s KILL 4 "$python" -m vpr_ros build_map --reindex "$out/remote_map" --index "$uri" || echo "killed"
vpr_ros build_map --reindex "$out/remote_map" --index "$uri"
vpr_ros build_map --reindex "$out/remote_map" --index "$uri"
rm "$out/remote_map/descriptors.npy"

echo "4/6 the same drive asked of the map in its folder"
vpr_ros evaluate "$out/map" "$out/dusk" --threshold 5 --output "$out/here"

echo "5/6 and of the map on the server"
vpr_ros evaluate "$out/remote_map" "$out/dusk" --threshold 5 --output "$out/there"

echo "6/6 both compared"
"$python" - "$out/here" "$out/there" <<'END'
import csv, json, sys
here, there = (list(csv.DictReader(open(f"{folder}/queries.csv"))) for folder in sys.argv[1:])
recall = [json.load(open(f"{folder}/metrics.json"))["recall_at"]["1"] for folder in sys.argv[1:]]
pairs = list(zip(here, there, strict=True))
same = sum(one["top1_index"] == other["top1_index"] for one, other in pairs)
apart = {name: max(abs(float(one[name]) - float(other[name])) for one, other in pairs) for name in ("similarity", "probability")}
points = 100 * abs(recall[0] - recall[1])
print(f"{same} of {len(pairs)} answers name the same frame; similarities differ by {apart['similarity']:.1e} at most, "
      f"probabilities by {apart['probability']:.1e}, recall@1 by {points:.1f} points")
sys.exit(not (points <= 0.5 and apart["similarity"] <= 1e-3))
END
