#!/usr/bin/env bash
# `veilsum run tune` as its users run it: three merchants whose clients stay from run to run, one
# ordinary run, then tunings until one has drawn two runs or more. The run that is kept is the one
# with the best score of all that were told, its model is the one that was published, each merchant's
# blocks have paid for every run alike, and the store and its ledger have all of them.
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
. "$here/by_hand.sh"

make_federation
start_coordinator
veilsum data generate --out data --merchants 3 >/dev/null

# A block that holds many runs like these: without one a merchant approves its first run only.
printf '%s\n' 'epsilon_cap = 1.0' 'delta_cap = 1e-5' 'block_epsilon = 10' 'block_delta = 1e-4' >policy.toml
number=0 members=(--member acme/node-1=4096 --member bolt/node-1=2048 --member cara/node-1=2048)
for merchant in acme bolt cara; do
  number=$((number + 1))
  enrol "$merchant" "$number"
done

# Two candidates of the same price: what a run has paid says how many there were.
sed 's/^steps = 300/steps = 6/; s/^attempts_max = 340.*/attempts_max = 16/; s/^key_batch = 32/key_batch = 8/
     s/^hidden = .*/hidden = [8]/; s/^scale_log2 = 18/scale_log2 = 16/; s/^epsilon = "3"/epsilon = "1"/
     s/^accountant = .*/accountant = "rdp"/; s/^deadline_ms = 5000/deadline_ms = 20000/' \
  "$examples/synthetic_shops.toml" >slow.toml
sed 's/^learning_rate = "0.005"/learning_rate = "0.02"/; s/^name = "synthetic-shops"/name = "quick"/' slow.toml >quick.toml
tune() {
  veilsum run tune --config "$operator" --plan slow.toml --plan quick.toml "${members[@]}" "$@"
}

# Refused before anything is spent.
code=0
tune --gamma 1/3 --eta 1 --out nowhere/best.bin 2>refused || code=$?
[ "$code" = 2 ] && grep -q -- '--out: nowhere/best.bin cannot be written' refused || fail "--out: $code $(cat refused)"
code=0
tune --gamma 1 --eta 1 --out best.bin 2>refused || code=$?
[ "$code" = 2 ] && grep -q 'gamma is 1, must be' refused || fail "--gamma: $code $(cat refused)"

# A figure of a merchant's block: spent_share, reserved_share of its limit.
block() {
  local i
  veilsum-client odometer --json --config "$1/client.toml" >odometer.json || return 1
  for i in 0 1; do
    [ "$(json odometer.json "blocks.$i.block")" != "\"epoch-1/$2\"" ] || json odometer.json "blocks.$i.$3"
  done
}
# An ordinary run, after which clients end that were not told to stay.
clients=()
for merchant in acme bolt cara; do
  veilsum-client run --config "$merchant/client.toml" 2>"$merchant.first" &
  clients+=($!)
done
run=$(veilsum run start --config "$operator" --plan slow.toml "${members[@]}")
veilsum run watch "$run" --config "$operator" >state 2>tune.0 || whole "an ordinary run ends as $(cat state)"
for client in "${clients[@]}"; do wait "$client" || whole "a client ended with $? after its run"; done
declare -A unit
for block in training holdout; do unit[$block]=$(block acme $block spent_share); done
runs=1

clients=()
for merchant in acme bolt cara; do
  veilsum-client run --stay --config "$merchant/client.toml" 2>"$merchant.log" &
  clients+=($!)
done

drawn=0
for tuning in 1 2 3; do
  tune --gamma 1/2 --eta 1 --out best.bin >kept 2>"tune.$tuning" || whole "tuning $tuning ended with $?"
  drawn=$(grep -c '^run run-.*: ' "tune.$tuning")
  runs=$((runs + drawn))
  grep -q "^$drawn runs (2.0 expected); all of them, as the coordinator sees them: epsilon [0-9.]* at delta 1e-05 by Renyi$" \
    "tune.$tuning" || whole "tuning $tuning does not say what its runs cost"
  # The best of the scores, by the program's own lines.
  best=$(sed -nE 's/^run (run-[0-9a-f]+): private ROC-AUC ([0-9.]+)$/\2 \1/p' "tune.$tuning" | sort -r | head -n 1)
  read -r score kept_run <<<"$best"
  plan=$(sed -nE "s/^run $kept_run of plan (.*)$/\1/p" "tune.$tuning")
  said=$(head -n 1 kept)
  [ "$said" = "run $kept_run of plan $plan, private ROC-AUC $score" ] ||
    [ "$(grep -c ": private ROC-AUC $score$" "tune.$tuning")" -gt 1 ] || whole "best is $best, it says $said"
  grep -qE '^to whoever sees this model alone: epsilon [0-9.]+ at delta 1e-05$' kept || whole "it says $(cat kept)"
  # The coordinator still has the last run's model: the kept one exactly if that was the best.
  last=$(sed -nE 's/^run (run-[0-9a-f]+): .*/\1/p' "tune.$tuning" | tail -n 1)
  veilsum run model "$last" --config "$operator" --out last.bin
  if cmp -s last.bin best.bin; then same=$last; else same=another; fi
  case "$said" in
    "run $last "*) [ "$same" = "$last" ] || whole "the last run was best, and another model was kept" ;;
    *) [ "$same" = another ] || whole "the last run was not the best, and its model was kept" ;;
  esac
  [ "$drawn" -lt 2 ] || break
done
# A signal ends clients that stay, as it ends the coordinator.
kill -TERM "${clients[@]}"
for client in "${clients[@]}"; do wait "$client" || whole "a client that stayed ended with $?"; done
for merchant in acme bolt cara; do
  approved=$(grep -c 'approved contract' "$merchant.log")
  [ "$approved" = $((runs - 1)) ] || whole "$merchant approved $approved contracts of $((runs - 1))"
  for block in training holdout; do
    # Exactly so many times, unless a round was aborted on a busy machine: then more.
    paid=$(block "$merchant" $block spent_share)
    awk -v paid="$paid" -v one="${unit[$block]}" -v runs="$runs" -v aborted="$(cat tune.? | grep -c 'aborted [1-9]')" 'BEGIN {
      part = paid / (runs * one)
      exit !(paid > one && (aborted > 0 || (part > 1 - 1e-6 && part < 1 + 1e-6)))
    }' || whole "$merchant/$block paid $paid for $runs runs, ${unit[$block]} for one"
  done
done

kill -TERM "$coordinator"
wait "$coordinator" || whole "the coordinator ended with $?"
veilsum-coordinator fsck --config "$config" >sound || whole "the store is not sound"
grep -q "^sound: $runs runs, " sound || whole "$runs runs were told: $(cat sound)"
printf '%s runs in all, the last tuning drew %s\n' "$runs" "$drawn"
