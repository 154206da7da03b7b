#!/usr/bin/env bash
# A run that starts from the release of an earlier one, in a federation made by hand: the coordinator takes the package
# from its folder, is killed before anybody has approved, loses the folder, and still has the weights. Then the demo.
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
. "$here/by_hand.sh"

make_federation
mkdir packages
start_coordinator
veilsum data generate --out data --merchants 3 >/dev/null
printf '%s\n' 'epsilon_cap = 1.0' 'delta_cap = 1e-5' 'block_epsilon = 10' 'block_delta = 1e-4' >policy.toml
number=0
for merchant in acme bolt cara; do
  number=$((number + 1))
  enrol "$merchant" "$number"
done
# Merchants take part in one run.
declare -A runner
train() {
  for merchant in acme bolt cara; do
    veilsum-client run --config "$merchant/client.toml" 2>>"$merchant.log" &
    runner[$merchant]=$!
  done
}
trained() {
  for merchant in acme bolt cara; do wait "${runner[$merchant]}" || whole "$merchant ended with $?"; done
}

# ---- The earlier run and its release.
sed 's/^steps = 300/steps = 6/; s/^attempts_max = 340.*/attempts_max = 16/; s/^key_batch = 32/key_batch = 8/
     s/^hidden = .*/hidden = [8]/; s/^scale_log2 = 18/scale_log2 = 16/; s/^epsilon = "3"/epsilon = "1"/
     s/^accountant = .*/accountant = "rdp"/; s/^deadline_ms = 5000/deadline_ms = 20000/' \
  "$examples/synthetic_shops.toml" >plan.toml
members=(--member acme/node-1=4096 --member bolt/node-1=2048 --member cara/node-1=2048)
start() { veilsum run start --config "$operator" --plan plan.toml "${members[@]}" "$@"; }
run=$(start) || whole "no run"
train
veilsum run watch "$run" --config "$operator" >watched 2>watch.log || whole "the run: $(cat watched)"
trained
veilsum release keygen release.key
veilsum release create --run "$run" --config "$operator" --out pkg --key release.key --model-id buy-again \
  --release-version 1.0.0 --counter 1 >/dev/null || fail "no release"
veilsum release verify pkg --key release.key.pub.pem --json >verified.json || fail "the release is not good"
digest=$(json verified.json sha256 | tr -d '"')

# ---- What is refused, each by its reason.
from=(--start-from pkg --release-key release.key.pub.pem)
refused() { # WHAT PATTERN COMMAND...
  local what=$1 pattern=$2
  shift 2
  ! "$@" >/dev/null 2>refused || fail "$what is taken"
  grep -q -- "$pattern" refused || fail "$what: $(cat refused)"
}
refused "a start without a folder" '\[transfer\] packages' start "${from[@]}"
kill -TERM "$coordinator"
wait "$coordinator" || true
printf '\n[transfer]\npackages = "%s"\nrelease_key = "%s"\n' "$work/out/packages" "$work/out/release.key.pub.pem" >>"$config"
start_coordinator
refused "a package that the coordinator has not" "there is no release $digest" start "${from[@]}"
veilsum release keygen other.key
refused "another's key" M502 start --start-from pkg --release-key other.key.pub.pem
cp -r pkg "packages/$digest"
sed -i 's/^hidden = .*/hidden = [9]/' plan.toml
refused "another network" 'model.hidden\[1\] is 9' start "${from[@]}"
sed -i 's/^hidden = .*/hidden = [8]/' plan.toml

# ---- Started; the coordinator dies before anybody has approved, and the folder is gone.
started=$(start "${from[@]}") || whole "no start"
[ "$started" != "$run" ] || fail "the same run"
kill -KILL "$coordinator"
wait "$coordinator" || true
rm -r packages
start_coordinator
[ "$(start "${from[@]}")" = "$started" ] || fail "not the same run again"
veilsum run model "$started" --config "$operator" --out first || fail "no first model"
tail -c "$(stat -c %s first)" pkg/model.safetensors | cmp -s - first || fail "the run does not begin with the release's weights"
train
veilsum run watch "$started" --config "$operator" >watched 2>watch.log || whole "the started run: $(cat watched)"
trained
veilsum release create --run "$started" --config "$operator" --out next --key release.key --model-id buy-again \
  --release-version 1.1.0 --counter 2 >/dev/null || fail "no second release"
[ "$(json next/manifest.json parents.0)" = "\"$digest\"" ] || fail "the second release does not name the first"
! cmp -s pkg/model.safetensors next/model.safetensors || fail "nothing was learnt"

# ---- The demo carries a package to its own coordinator.
demo() { veilsum demo --data data --plan plan.toml --rounds 4 --out demo "$@"; }
demo "${from[@]}" --json >demo.json 2>demo.log || whole "the demo: $(cat demo.log)"
grep -q "began with the weights of release $digest" demo.json || fail "the report does not name the release"
[ "$(json demo.json ledger.verified)" = true ] || fail "the demo's ledger does not verify"
refused "a package of another's" M502 demo --start-from pkg --release-key other.key.pub.pem
sed -i "s/^hidden = .*/&\nstart = \"$digest\"/" plan.toml
refused "a plan with a start and no package" 'give it with --start-from' demo
sed -i "s/^start = .*/start = \"${digest//[0-9]/a}\"/" plan.toml
refused "a package that the plan does not name" "the package is $digest" demo "${from[@]}"
