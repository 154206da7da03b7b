#!/bin/sh
# A merchant of compose.yaml: generated data and an identity of its own, made once; then its client.
set -eu
umask 077
out=${VEILSUM_ROOT:-/data}
node=${VEILSUM_NODE:-$out/node}
if [ ! -e "$node/client/client.toml" ]; then
  [ -d "$node/data" ] || veilsum data generate --out "$node/data" --merchants 3
  veilsum-client enroll --token-file "$out/invitations/$VEILSUM_MERCHANT.token" --out "$node/client" \
    --data "$node/data/merchants/$VEILSUM_SHOP" --policy "${VEILSUM_EXAMPLES:-/usr/share/veilsum/examples}/three-merchants.policy.toml"
  rm "$out/invitations/$VEILSUM_MERCHANT.token"  # spent
fi
exec veilsum-client run --stay --config "$node/client/client.toml"
