#!/usr/bin/env bash
# A release that is worse never reaches a merchant: two runs of one federation, the second of three rounds only, and a
# rollout whose gate compares what the merchants' hold-outs said of both through the secure sum.
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
. "$here/by_hand.sh"

make_federation
second=$(veilsum federation operator ann --federation federation)
printf '\n[rollout]\nrepository = "%s"\n' "$work/out/rollouts" >>"$config"
start_coordinator
veilsum data generate --out data --merchants 3 >/dev/null
printf '%s\n' 'epsilon_cap = 3.0' 'delta_cap = 1e-5' 'block_epsilon = 12' 'block_delta = 1e-4' >policy.toml
members=()
for number in 1 2 3; do
  name=shop-$number
  enrol "$name" "$number"
  veilsum-client run --stay --config "$name/client.toml" 2>"$name.log" &
  members+=(--member "$name/node-1=4096")
done

# Rounds, and what is made of them.
veilsum release keygen release.key
release() { # VERSION COUNTER STEPS
  sed "s/^steps = 300/steps = $3/; s/^attempts_max = 340.*/attempts_max = $(($3 + 40))/; s/^key_batch = 32/key_batch = 8/
       s/^hidden = .*/hidden = [16]/; s/^accountant = .*/accountant = \"rdp\"/; s/^averaging = .*/averaging = \"0.9\"/
       s/^deadline_ms = 5000/deadline_ms = 20000/" "$examples/synthetic_shops.toml" >plan.toml
  run=$(veilsum run start --config "$operator" --plan plan.toml --seed "$2" "${members[@]}") || whole "no run"
  veilsum run watch "$run" --config "$operator" >watched 2>watch.log || whole "the run: $(cat watched)"
  veilsum release create --run "$run" --config "$operator" --out "shops-$1" --key release.key \
    --model-id shops --release-version "$1" --counter "$2" >/dev/null || whole "no release $1"
  printf '%s of %d rounds: ROC-AUC %s by private evaluation\n' "$1" "$3" "$(json "shops-$1/metrics.json" roc_auc_private)"
}
release 1.0.0 1 150
release 1.1.0 2 3

rollout() { # COMMAND...
  local command=$1
  shift
  veilsum rollout "$command" --folder rollouts --keys keys --config "$operator" "$@" >/dev/null || whole "rollout $command"
}
stage_is() {
  veilsum rollout status --folder rollouts --json >status.json
  [ "$(json status.json stage)" = "\"$1\"" ] || fail "stage $(json status.json stage), not $1: $(cat status.json)"
}
root=$(veilsum rollout init --folder rollouts --keys keys --federation fed.example \
  --release-key release.key.pub.pem 2>/dev/null)
rollout start shops-1.0.0 --client shop-1/node-1 --client shop-2/node-1 --client shop-3/node-1 --channel stable
rollout look
for one in "$operator" "$second"; do
  veilsum rollout approve --folder rollouts --keys keys --config "$one" >/dev/null || whole "not approved"
done
stage_is stable
good=$(json status.json digest)
holds_the_good_one() {
  for number in 1 2 3; do
    veilsum-client model update --config "shop-$number/client.toml" --store "shop-$number/models" --root "$root" >update 2>refused ||
      fail "shop-$number: $(cat refused)"
    [ "$(json update digest)" = "$good" ] || fail "shop-$number has $(cat update)"
  done
}
holds_the_good_one

# ---- The worse one is in shadow when the gate sees it.
rollout start shops-1.1.0 --channel canary --stages 50:0 --evaluation-gate quality
stage_is shadow
rollout look
veilsum rollout status --folder rollouts --json >status.json
[ "$(json status.json stage)" != '"shadow"' ] || rollout look
stage_is rolled_back
json status.json reason | grep -q 'gate quality: ' || fail "rolled back by $(json status.json reason)"
printf 'rolled back: %s\n' "$(json status.json reason)"
holds_the_good_one
