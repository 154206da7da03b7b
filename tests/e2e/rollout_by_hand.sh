#!/usr/bin/env bash
# A federation made by hand, from training to predictions: its model is made a release, two operators
# roll it out over the coordinator that trained it, one client first, then all, and a second release
# that clients cannot verify is taken back, as are one on which too few merchants have voted to tell and one whose hold-outs are too few. The ledger has every step.
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
. "$here/by_hand.sh"

# What a node serves at a path.
get() { # PORT PATH
  exec 3<>"/dev/tcp/127.0.0.1/$1"
  printf 'GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n' "$2" >&3
  cat <&3
  exec 3>&-
}

# ---- The federation, with a coordinator that hands out releases.
make_federation
printf '\n[rollout]\nrepository = "%s"\n\n[metrics]\naddress = "127.0.0.1:0"\n' "$work/out/rollouts" >>"$config"
start_coordinator
veilsum data generate --out data --merchants 3 >/dev/null
second=$(veilsum federation operator ann --federation federation)
printf '%s\n' 'epsilon_cap = 1.0' 'delta_cap = 1e-5' 'block_epsilon = 10' 'block_delta = 1e-4' >policy.toml
declare -A runner
train() { # MERCHANT: takes part in runs until it is stopped
  veilsum-client run --stay --config "$1/client.toml" 2>>"$1.log" &
  runner[$1]=$!
}
number=0
for merchant in acme bolt cara; do
  number=$((number + 1))
  enrol "$merchant" "$number"
  train "$merchant"
done

# ---- Training.
sed 's/^steps = 300/steps = 6/; s/^attempts_max = 340.*/attempts_max = 16/; s/^key_batch = 32/key_batch = 8/
     s/^hidden = .*/hidden = [8]/; s/^scale_log2 = 18/scale_log2 = 16/; s/^epsilon = "3"/epsilon = "1"/
     s/^accountant = .*/accountant = "rdp"/; s/^deadline_ms = 5000/deadline_ms = 20000/' \
  "$examples/synthetic_shops.toml" >plan.toml
members=(--member acme/node-1=4096 --member bolt/node-1=2048 --member cara/node-1=2048)
run=$(veilsum run start --config "$operator" --plan plan.toml "${members[@]}") || whole "no run"
veilsum release keygen release.key
release() { # VERSION COUNTER
  veilsum release create --run "$run" --config "$operator" --out "buy-again-$1" --key release.key \
    --model-id buy-again --release-version "$1" --counter "$2"
}
code=0
release 0.9.0 1 >/dev/null 2>refused || code=$?
[ "$code" = 2 ] && grep -q 'must be finished' refused || fail "a release of an unfinished run: $code $(cat refused)"
veilsum run watch "$run" --config "$operator" >watched 2>watch.log || whole "the run: $(cat watched)"

# ---- The release, from a coordinator that has been started again since: what it knows is in its store.
kill -TERM "$coordinator"
wait "$coordinator" || true
start_coordinator
release 1.0.0 1 >created || fail "no release"
veilsum release verify buy-again-1.0.0 --key release.key.pub.pem --json >verified.json || fail "the release is not good"
[ "$(json verified.json epsilon)" != null ] || fail "no epsilon"
digest=$(json verified.json sha256 | tr -d '"')

# ---- The rollout: to cara alone first, whose bucket (docs/rollout.md) is below 7200, the others' above.
rollout() { # COMMAND...
  local command=$1
  shift
  veilsum rollout "$command" --folder rollouts --keys keys --config "$operator" "$@"
}
stage_is() {
  veilsum rollout status --folder rollouts --json >status.json
  [ "$(json status.json stage)" = "\"$1\"" ] || fail "stage $(json status.json stage), not $1: $(cat status.json)"
}
root=$(veilsum rollout init --folder rollouts --keys keys --federation fed.example \
  --release-key release.key.pub.pem 2>/dev/null)
clients=(--client acme/node-1 --client bolt/node-1 --client cara/node-1)
rollout start buy-again-1.0.0 "${clients[@]}" --channel canary --stages 72:0 >/dev/null || whole "no rollout"
rollout start buy-again-1.0.0 "${clients[@]}" --channel canary --stages 72:0 >/dev/null || whole "not twice"
stage_is shadow
rollout look >/dev/null
stage_is canary
[ "$(json status.json untold)" = 0 ] || fail "the ledger was not told"

both_approve() {
  local one
  for one in "$operator" "$second"; do
    veilsum rollout approve --folder rollouts --keys keys --config "$one" >/dev/null || whole "not approved by $one"
  done
}
update() { # MERCHANT
  veilsum-client model update --config "$1/client.toml" --store "$1/models" --root "$root" >"$1.update" 2>"$1.refused"
}
code=0
update acme || code=$?
[ "$code" != 0 ] && grep -q 'there is no such file' acme.refused || fail "acme is not in the canary: $code $(cat acme.refused)"
update cara || fail "cara does not take the release: $(cat cara.refused)"
[ "$(json cara.update result)" = '"installed"' ] || fail "cara: $(cat cara.update)"
rollout look --wait 20 >/dev/null
stage_is canary
both_approve
stage_is stable
for merchant in acme bolt cara; do
  update "$merchant" || fail "$merchant does not take the release: $(cat "$merchant.refused")"
  veilsum-client model status --store "$merchant/models" >"$merchant.status"
  [ "$(json "$merchant.status" digest)" = "\"$digest\"" ] || fail "$merchant has $(cat "$merchant.status")"
done
rollout look --wait 20 >/dev/null
stage_is stable
for i in 0 1 2; do
  [ "$(json status.json "clients.$i.has")" = "\"$digest\"" ] || fail "not reported: $(cat status.json)"
done

# ---- Votes: acme's bit as it is, bolt's by its coin, none of cara, who does not want to. One of each cannot tell.
for vote in acme:plain bolt:randomised; do
  printf '\n[veto]\nmode = "%s"\n' "${vote#*:}" >>"${vote%:*}/client.toml"
done
release 1.0.1 2 >/dev/null
rollout start buy-again-1.0.1 --channel canary --stages 99:0 --veto-gate >/dev/null
rollout look >/dev/null
stage_is canary
# They train meanwhile, each in one process and no other.
code=0
veilsum-client run --config acme/client.toml 2>twice || code=$?
[ "$code" = 75 ] && grep -q 'another process of this merchant trains' twice || fail "acme trains twice: $code $(cat twice)"
# A bit is drawn after the report of one look and sent with that of the next.
for votes in 0 2; do
  for merchant in acme bolt cara; do
    update "$merchant" || fail "$merchant does not take the release: $(cat "$merchant.refused")"
    ! grep -q 'no veto bit' "$merchant.refused" || fail "$merchant: $(cat "$merchant.refused")"
  done
  veilsum rollout status --folder rollouts --json >status.json
  [ "$(json status.json veto.votes)" = "$votes" ] || fail "votes: not $votes but $(cat status.json)"
done
veilsum-client odometer --config acme/client.toml | grep -q 'in canary: as it is, unprotected' || fail "acme's vote is not listed"
veilsum-client odometer --config bolt/client.toml | grep -q 'by randomised response, epsilon 1$' || fail "bolt's vote is not listed"
rollout look >/dev/null
stage_is paused
json status.json reason | grep -q 'gate veto is inconclusive' || fail "paused by $(json status.json reason)"
rollout rollback >/dev/null
stage_is rolled_back
for merchant in acme bolt cara; do
  update "$merchant" || fail "$merchant after the roll back: $(cat "$merchant.refused")"
done

# ---- What hold-outs said of both: the same run's numbers, and too few customers to say that nothing was lost.
release 1.0.2 3 >/dev/null
rollout start buy-again-1.0.2 --channel canary --stages 99:0 --evaluation-gate quality >/dev/null
rollout look >/dev/null
stage_is paused
json status.json reason | grep -q 'gate quality is inconclusive' || fail "paused by $(json status.json reason)"
grep -q '"value":"0' rollouts/rollouts/buy-again-1.0.2/gates/*.json || fail "no numbers: $(cat rollouts/rollouts/buy-again-1.0.2/gates/*.json)"
rollout rollback >/dev/null
stage_is rolled_back

# ---- A release whose files were changed on the way: whoever is given it refuses, and it is taken back.
release 1.1.0 4 >/dev/null
rollout start buy-again-1.1.0 --channel canary --stages 99:0 >/dev/null
veilsum rollout status --folder rollouts --json >status.json
bad=$(json status.json digest | tr -d '"')
[ "$(json status.json baseline)" = "\"$digest\"" ] || fail "the baseline is $(json status.json baseline)"
rollout look >/dev/null
stage_is canary
printf 'x' | dd of="rollouts/packages/$bad/model.safetensors" bs=1 seek=2000 conv=notrunc 2>/dev/null
code=0
update acme || code=$?
[ "$code" = 2 ] && [ "$(json acme.update code)" = '"M501"' ] || fail "a changed file: $code $(cat acme.update)"
[ "$(json acme.update digest)" = "\"$digest\"" ] || fail "acme lost its release"
rollout look >/dev/null
stage_is rolled_back
update acme || fail "acme after the roll back: $(cat acme.refused)"
[ "$(veilsum rollout list --folder rollouts | tr -s ' ' | cut -d' ' -f1,3 | tr '\n' ';')" = \
  'buy-again-1.0.0 stable;buy-again-1.0.1 rolled_back;buy-again-1.0.2 rolled_back;buy-again-1.1.0 rolled_back;' ] || fail "list: $(veilsum rollout list --folder rollouts)"

# ---- Served: looks of its own, reports that are counted from fifty requests on.
veilsum-client serve --config acme/client.toml --store acme/models --port 0 --grpc-port 0 --look-seconds 1 >serving 2>serving.log &
for _ in $(seq 100); do
  [ ! -s serving ] || break
  sleep 0.1
done
at=$(json serving address | tr -d '"')
json serving grpc | grep -q '^"127.0.0.1:[1-9]' || fail "no gRPC: $(cat serving)"
get "${at##*:}" /v1/model | grep -q "$digest" || fail "acme serves something else"
veilsum-client predict --store bolt/models --data data/merchants/shop_2 >predictions.csv 2>predict.log ||
  fail "no predictions: $(cat predict.log)"
[ "$(wc -l <predictions.csv)" -gt 100 ] || fail "few predictions"
# A release that becomes stable while it serves: fetched, verified, served and reported without being told.
release 1.2.0 5 >/dev/null
rollout start buy-again-1.2.0 --channel stable >/dev/null
rollout look >/dev/null
both_approve
stage_is stable
newest=$(json status.json digest | tr -d '"')
report=rollouts/reports/$(printf 'spiffe://fed.example/tenant/acme/client/node-1' | sha256sum | cut -d' ' -f1).json
for _ in $(seq 300); do
  get "${at##*:}" /v1/model >model.txt
  ! { grep -q "$newest" model.txt && [ "$(json "$report" digest)" = "\"$newest\"" ]; } || break
  sleep 0.1
done
grep -q "$newest" model.txt || fail "acme does not serve the newest: $(cat model.txt serving.log)"
[ "$(json "$report" digest)" = "\"$newest\"" ] || fail "acme reported $(cat "$report")"

# ---- The ledger has it all, and the store is sound. Merchants cosign it when they next train.
next=$(veilsum run start --config "$operator" --plan plan.toml --seed 2 "${members[@]}") || whole "no next run"
veilsum run watch "$next" --config "$operator" >watched 2>watch.log || whole "the next run: $(cat watched)"
metrics=$(sed -nE 's/.*metrics on .*:([0-9]+).*/\1/p' coordinator.log)
for _ in $(seq 300); do
  get "$metrics" /metrics >metrics.txt
  ! grep -q '^veilsum_ledger_cosignatures 3' metrics.txt || break
  sleep 0.1
done
grep -q '^veilsum_rollout_stage{rollout="buy-again-1.2.0"} 4' metrics.txt || fail "no stage: $(grep rollout metrics.txt)"
grep -q '^veilsum_rollout_stage{rollout="buy-again-1.1.0"} 6' metrics.txt || fail "no stage: $(grep rollout metrics.txt)"
grep -q '^veilsum_rollout_votes{rollout="buy-again-1.0.1"} 2' metrics.txt || fail "no votes: $(grep rollout metrics.txt)"
grep -q '^veilsum_rollout_gate{gate="veto",result="inconclusive"} 1' metrics.txt || fail "no gate: $(grep rollout metrics.txt)"
kill -TERM $(jobs -p) 2>/dev/null || true
wait || true
veilsum-coordinator fsck --config "$config" >fsck || fail "the store is not sound: $(cat fsck)"
bundle=()
for merchant in acme bolt cara; do
  veilsum-client evidence --config "$merchant/client.toml" --out "evidence-$merchant" >/dev/null || fail "no evidence of $merchant"
  bundle+=(--from "evidence-$merchant")
done
code=0
veilsum ledger bundle --store federation/coordinator/coordinator.sqlite "${bundle[@]}" --out bundle >audited 2>&1 || code=$?
veilsum ledger show --bundle bundle --last 100 >shown || fail "the bundle is not shown: $(cat audited)"
[ "$(grep -c 'rollout.transition' shown)" = 20 ] || fail "rollout.transition: $(cat shown)"
[ "$(grep -c 'release.published' shown)" = 5 ] || fail "release.published: $(cat shown)"
[ "$code" = 0 ] || fail "the ledger does not verify: $(cat audited)"
