#!/bin/sh
# Lets the three merchants of compose.yaml in, once, and leaves each its join token.
set -eu
umask 077
out=${VEILSUM_ROOT:-/data}
mkdir -p "$out/invitations"
for merchant in acme bolt cara; do
  [ ! -e "$out/invitations/$merchant.invited" ] || continue
  tries=0
  until veilsum tenant list --config "$out/operator/operator.toml" | grep -qw "$merchant" ||
    veilsum tenant create "$merchant" --config "$out/operator/operator.toml" --kit "/tmp/kit-$merchant"; do
    tries=$((tries + 1))
    [ "$tries" -lt 30 ] || exit 1
    sleep 1  # the coordinator is still starting
  done
  veilsum token create "$merchant" node-1 --config "$out/operator/operator.toml" >"$out/invitations/$merchant.part"
  mv "$out/invitations/$merchant.part" "$out/invitations/$merchant.token"
  touch "$out/invitations/$merchant.invited"
done
