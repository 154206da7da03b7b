#!/usr/bin/env bash
# Chaos: eight merchants train while kill -9 takes the coordinator and clients at random and each is
# started again, while the network of one after another swallows everything for seconds or resets its
# connections, and while the coordinator's disk fills once. At the end every round is committed or
# aborted, no sum had a mask left in it, store and ledger are sound and say the same, every model is
# the one its hash names, and no merchant has counted more than the ledger charges (SE-09). Then an old
# backup is restored: a merchant who has seen more refuses it, and its odometer stays as it was.
#   chaos.sh VEILSUM JSON_VALUE FORWARDER
#   VEILSUM_CHAOS_STEPS   published rounds wanted (default 1000)
#   VEILSUM_CHAOS_PAUSE   seconds between faults, less than (default 4)
# The disk is a file system in memory; where a mount namespace cannot be had that fault is left out,
# and the last line says so.
if [ -z "${VEILSUM_CHAOS_INSIDE:-}" ] && unshare --map-root-user --mount true 2>/dev/null; then
  VEILSUM_CHAOS_INSIDE=1 exec unshare --map-root-user --mount --kill-child "$0" "$@"
fi
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
examples=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../../deploy/examples" && pwd)
PATH=$(dirname -- "$program"):$PATH
steps=${VEILSUM_CHAOS_STEPS:-1000} pause=${VEILSUM_CHAOS_PAUSE:-4} merchants=8
forwarder=$(readlink -f -- "$3")
mkdir -p "$work/out/federation"
cd "$work/out"
disk_mib=256 has_disk=0
[ -z "${VEILSUM_CHAOS_INSIDE:-}" ] || { mount -t tmpfs -o "size=${disk_mib}m" none federation && has_disk=1; }
umask 077
port=$((20000 + $$ % 20000))
stop_all() {
  touch "$work/over"
  kill -CONT $(cat "$work"/*.pid 2>/dev/null) 2>/dev/null || true
  kill $(cat "$work"/*.pid 2>/dev/null) $(jobs -p) 2>/dev/null || true
  wait 2>/dev/null || true
  cd /
  [ $has_disk = 0 ] || umount -l "$work/out/federation" || true
  finish
}
trap stop_all EXIT

veilsum federation init --name fed.example --out federation \
  --listen "127.0.0.1:$port" --enroll-listen "127.0.0.1:$((port + 1))" >/dev/null
operator=federation/operator/operator.toml config=federation/coordinator/coordinator.toml
veilsum data generate --out data --merchants "$merchants" >/dev/null

# Runs a program until it ends by itself with 0; killed or unable to go on, it is started again.
keep() {
  local name=$1 code
  shift
  while [ ! -e "$work/over" ]; do
    code=0
    "$@" 2>>"$name.log" &
    echo $! >"$work/$name.pid"
    wait $! || code=$?
    echo "$code" >>"$work/$name.ends"
    [ "$code" != 0 ] || return 0
    sleep 0.2
  done
}
keep coordinator veilsum-coordinator serve --config "$config" &
for _ in $(seq 100); do
  grep -q 'listens on' coordinator.log 2>/dev/null && break
  sleep 0.1
done
members=()
for number in $(seq "$merchants"); do
  name=shop-$number
  veilsum tenant create "$name" --config "$operator" --kit "kits/$name" >/dev/null
  veilsum token create "$name" node-1 --config "$operator" >token
  veilsum-client enroll --token-file token --out "$name" --data "data/merchants/shop_$number" \
    --policy "$examples/three-merchants.policy.toml" >/dev/null || fail "$name cannot enrol"
  sleep 1  # one attempt a second from one address
  members+=(--member "$name/node-1=8192")
  # Each has a network of its own, which can be cut.
  network=$((port + 10 + number))
  sed -i "s/^address = \"127.0.0.1:$port\"/address = \"127.0.0.1:$network\"/" "$name/client.toml"
  grep -q ":$network\"" "$name/client.toml" || fail "$name's client.toml names no address: $(cat "$name/client.toml")"
  keep "network-$number" "$forwarder" "$network" "$port" &
  keep "$name" veilsum-client run --config "$name/client.toml" &
done

sed "s/^steps = 300/steps = $steps/; s/^attempts_max = 340.*/attempts_max = $((steps * 12 + 400))/
     s/^key_batch = 32/key_batch = 8/; s/^deadline_ms = 5000/deadline_ms = 3000/
     s/^hidden = .*/hidden = [8]/; s/^scale_log2 = 18/scale_log2 = 14/; s/^tick_ms = 5/tick_ms = 400/" "$examples/synthetic_shops.toml" >plan.toml
run=$(veilsum run start --config "$operator" --plan plan.toml "${members[@]}")

# Watches through the coordinator's deaths; the last line is the state.
watch() {
  while [ ! -e "$work/over" ]; do
    veilsum run watch "$run" --config "$operator" >"$work/state" 2>>"$work/watch.log" || true
    grep -qxE 'finished|stopped|failed' "$work/state" && return 0
    sleep 0.5
  done
}
watch &
watcher=$!
# Not before there is something to break.
for _ in $(seq 1200); do
  grep -qE '^training +step' "$work/watch.log" 2>/dev/null && break
  kill -0 "$watcher" 2>/dev/null || fail "the run ended before it trained: $(tail -n 3 "$work/watch.log")"
  sleep 0.1
done

# ---- Faults, until the run is over
kills=0 cuts=0 resets=0 freezes=0 full=0 backups=0
pid_of() { cat "$work/$1.pid" 2>/dev/null || echo 0; }
# Killed, and by its keeper started again. On a busy machine a coordinator may need longer to come back
# than it is given here to live.
kill_one() {
  local lives
  lives=$(grep -c 'listens on' coordinator.log)
  kill -9 "$(pid_of "$1")" 2>/dev/null || return 0
  kills=$((kills + 1))
  [ "$1" = coordinator ] || return 0
  for _ in $(seq 600); do
    [ "$(grep -c 'listens on' coordinator.log)" -gt "$lives" ] && break
    sleep 0.1
  done
}
# Nothing runs or passes for as many seconds; then everything that was held back does.
hold() {
  local pid
  pid=$(pid_of "$1")
  kill -STOP "$pid" 2>/dev/null || return 0
  sleep "$2"
  kill -CONT "$pid" 2>/dev/null || true
}
reset_network() { kill -9 "$(pid_of "$1")" 2>/dev/null && resets=$((resets + 1)) || true; }
# No byte more fits beside the coordinator's store, for as many seconds.
fill_disk() {
  dd if=/dev/zero of=federation/filler bs=64k count=$((disk_mib * 16)) 2>/dev/null || true
  [ "$(df --output=avail federation | tail -n 1)" -lt 64 ] || fail "the disk did not fill"
  sleep "$1"
  rm federation/filler
}
while kill -0 "$watcher" 2>/dev/null; do
  sleep "$((RANDOM % pause)).$((RANDOM % 10))"
  number=$((RANDOM % merchants + 1))
  case $((RANDOM % 8)) in
    0 | 1) kill_one coordinator ;;
    2 | 3 | 4) kill_one "shop-$number" ;;
    5) hold "network-$number" $((RANDOM % 6 + 1)) && cuts=$((cuts + 1)) ;;
    6) reset_network "network-$number" ;;
    7) hold "shop-$number" $((RANDOM % 6 + 1)) && freezes=$((freezes + 1)) ;;
  esac
  # Once in the middle of it, when something is committed.
  if [ $backups = 0 ] && [ $kills -ge 4 ]; then
    sleep 1
    veilsum-coordinator backup --config "$config" --out "$work/backup" >"$work/backup.txt" 2>&1 &&
      backups=1 || rm -rf "$work/backup"
  fi
  if [ $has_disk = 1 ] && [ $full = 0 ] && [ $backups = 1 ]; then
    fill_disk 8
    full=1
  fi
done
state=$(cat "$work/state")
[ "$state" = finished ] || [ "$state" = stopped ] || { tail -n 3 "$work/watch.log" >&2; fail "the run is $state"; }
# The clients hear of the end, and end.
for _ in $(seq 600); do
  [ "$(tail -qn 1 "$work"/shop-*.ends 2>/dev/null | grep -cx 0)" = "$merchants" ] && break
  sleep 0.1
done
touch "$work/over"
kill -TERM "$(cat "$work/coordinator.pid")"
for _ in $(seq 100); do kill -0 "$(cat "$work/coordinator.pid")" 2>/dev/null || break; sleep 0.1; done

veilsum-coordinator fsck --config "$config" >"$work/fsck" || fail "after $kills kills: $(cat "$work/fsck")"
grep -q '^sound: 1 runs, ' "$work/fsck" || fail "fsck says $(cat "$work/fsck")"
! grep -hE 'LEDGER_|SE-09|alarm' shop-*.log || fail "a merchant refused the ledger"
! grep -h 'of half the ring' coordinator.log || fail "a sum had a mask left in it"
last=$(grep -E 'aborted [0-9]+' "$work/watch.log" | tail -n 1)
printf 'chaos: %s after %d kills, %d cuts and %d resets of a network, %d frozen clients, %s: %s\n' \
  "$state" "$kills" "$cuts" "$resets" "$freezes" "$([ $full = 1 ] && echo 'one full disk' || echo 'NO full disk')" "$last"
cat "$work/fsck"

# ---- An old backup refunds nothing.
[ $backups = 1 ] || fail "no backup was made meanwhile"
veilsum-client odometer --config shop-1/client.toml --json >"$work/before"
mkdir "$work/gone"
mv federation/coordinator/coordinator.sqlite* federation/coordinator/records "$work/gone/"
veilsum-coordinator restore --config "$config" --from "$work/backup" >"$work/restored" || fail "it cannot be restored"
rm "$work/over"
keep coordinator veilsum-coordinator serve --config "$config" &
code=0
timeout 60 veilsum-client run --config shop-1/client.toml 2>"$work/refused" || code=$?
[ "$code" != 0 ] && [ "$code" != 124 ] || fail "the restored coordinator was believed: $code"
grep -qE 'LEDGER_(ROLLBACK|FORK)' "$work/refused" || fail "refused, but not for the ledger: $(cat "$work/refused")"
veilsum-client odometer --config shop-1/client.toml --json >"$work/after"
cmp -s "$work/before" "$work/after" || fail "the odometer has changed"
echo "restored: refused with $(grep -oE 'LEDGER_[A-Z]+' "$work/refused" | head -n 1)"
