#!/usr/bin/env bash
# A federation set up by hand on this machine: a coordinator and three merchants who join with
# tokens, keep their own private keys, and train on generated shops. Chapter two of the README
# explains it command by command.
#   deploy/examples/three-merchants.sh [DIR] [PLAN]      the programs are taken from PATH
set -euo pipefail
umask 077  # tokens and keys are their owner's
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
dir=${1:-three-merchants}
plan=${2:-$here/synthetic_shops.toml}
port=${VEILSUM_PORT:-7443}
mkdir -p "$dir"
trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT

# The operator founds the federation and starts its coordinator.
veilsum federation init --name fed.example --out "$dir/federation" \
  --listen "127.0.0.1:$port" --enroll-listen "127.0.0.1:$((port + 1))"
operator=$dir/federation/operator/operator.toml
veilsum-coordinator serve --config "$dir/federation/coordinator/coordinator.toml" 2>"$dir/coordinator.log" &

veilsum data generate --out "$dir/data" --merchants 3

# For each merchant: the operator lets it in and hands it a token; the merchant enrols and runs.
number=0
for merchant in acme bolt cara; do
  number=$((number + 1))
  veilsum tenant create "$merchant" --config "$operator" --kit "$dir/kits/$merchant"
  veilsum token create "$merchant" node-1 --config "$operator" >"$dir/$merchant.token"
  veilsum-client enroll --token-file "$dir/$merchant.token" --out "$dir/$merchant" \
    --data "$dir/data/merchants/shop_$number" --policy "$here/three-merchants.policy.toml"
  rm "$dir/$merchant.token"  # spent
  veilsum-client run --config "$dir/$merchant/client.toml" 2>"$dir/$merchant.log" &
done

# The operator starts a run and follows it to its end. A size class is what a merchant makes public
# of its size: a power of two that its customers do not exceed.
run=$(veilsum run start --config "$operator" --plan "$plan" \
  --member acme/node-1=4096 --member bolt/node-1=2048 --member cara/node-1=2048)
veilsum run watch "$run" --config "$operator"
veilsum run model "$run" --config "$operator" --out "$dir/model.bin"
