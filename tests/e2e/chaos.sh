#!/usr/bin/env bash
# Chaos: eight merchants train while kill -9 takes the coordinator and clients at random, and each is
# started again. At the end every round is committed or aborted, store and ledger are sound and say
# the same, every model is the one its hash names, and no merchant has counted more than the ledger
# charges (SE-09). Then an old backup is restored: a merchant who has seen more refuses it, and its
# odometer stays as it was.
#   VEILSUM_CHAOS_STEPS   published rounds wanted (default 1000)
#   VEILSUM_CHAOS_PAUSE   seconds between kills, less than (default 4)
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
examples=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../../deploy/examples" && pwd)
PATH=$(dirname -- "$program"):$PATH
steps=${VEILSUM_CHAOS_STEPS:-1000} pause=${VEILSUM_CHAOS_PAUSE:-4} merchants=8
mkdir -p "$work/out"
cd "$work/out"
umask 077
port=$((20000 + $$ % 20000))
stop_all() {
  touch "$work/over"
  kill $(cat "$work"/*.pid 2>/dev/null) $(jobs -p) 2>/dev/null || true
  wait 2>/dev/null || true
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
kills=0 backups=0
while kill -0 "$watcher" 2>/dev/null; do
  sleep "$((RANDOM % pause)).$((RANDOM % 10))"
  victim=coordinator
  [ $((RANDOM % 4)) = 0 ] || victim=shop-$((RANDOM % merchants + 1))
  lives=$(grep -c 'listens on' coordinator.log)
  kill -9 "$(cat "$work/$victim.pid")" 2>/dev/null && kills=$((kills + 1))
  # On a busy machine a coordinator may need longer to come back than it is given here to live.
  if [ "$victim" = coordinator ]; then
    for _ in $(seq 600); do
      [ "$(grep -c 'listens on' coordinator.log)" -gt "$lives" ] && break
      sleep 0.1
    done
  fi
  # Once in the middle of it, when something is committed.
  if [ $backups = 0 ] && [ $kills -ge 4 ]; then
    sleep 1
    veilsum-coordinator backup --config "$config" --out "$work/backup" >"$work/backup.txt" 2>&1 &&
      backups=1 || rm -rf "$work/backup"
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
last=$(grep -E 'aborted [0-9]+' "$work/watch.log" | tail -n 1)
printf 'chaos: %s after %d kills: %s\n' "$state" "$kills" "$last"
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
