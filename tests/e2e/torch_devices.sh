#!/usr/bin/env bash
# Three merchants, of whom one trains through libtorch (on its CPU) and two with the engine of their own, in one
# private run. Skipped where this build has no libtorch.
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
[ -e "$(dirname -- "$program")/libveilsum_torch.so" ] || { echo "skipped: this build has no libveilsum_torch.so"; exit 77; }
. "$here/by_hand.sh"

make_federation
start_coordinator
veilsum data generate --out data --merchants 3 >/dev/null 2>&1
cp -- "$examples/three-merchants.policy.toml" policy.toml
enrol acme 1
enrol bolt 2
enrol cara 3
printf '\n[train]\ndevices = ["cpu", "cpu"]\n' >>acme/client.toml
printf '\n[train]\ndevices = ["abacus"]\n' >>bolt/client.toml

# A device that is not there is found before a run, and the node does not train without it.
veilsum-client preflight --node --config acme/client.toml >checked 2>&1 || true
! grep -q 'train.devices' checked || fail "preflight of a node whose devices are there: $(cat checked)"
! veilsum-client preflight --node --config bolt/client.toml >checked 2>&1 || fail "preflight passes with an abacus"
grep -q 'train.devices.*abacus' checked || fail "preflight: $(cat checked)"
sed -i '/^\[train\]$/,$d' bolt/client.toml

for merchant in acme bolt cara; do
  veilsum-client run --config $merchant/client.toml 2>$merchant.log &
done
sed 's/^steps = 300/steps = 40/; s/^attempts_max = 340.*/attempts_max = 60/' "$examples/synthetic_shops.toml" >plan.toml
run=$(veilsum run start --config "$operator" --plan plan.toml \
  --member acme/node-1=4096 --member bolt/node-1=2048 --member cara/node-1=2048) || whole "no run"
timeout 120 veilsum run watch "$run" --config "$operator" >watched 2>&1 || whole "the run: $(tail -n 3 watched)"
veilsum run model "$run" --config "$operator" --out model.bin >/dev/null || whole "no model"
[ -s model.bin ] || fail "the model is empty"
grep -q 'trains on cpu, cpu' acme.log || whole "acme does not say what it trains on"
! grep -q 'trains on' bolt.log || fail "bolt names devices"
