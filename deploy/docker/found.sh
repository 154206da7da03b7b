#!/bin/sh
# Founds the federation of compose.yaml, once: the operator's part into one volume, the coordinator's into another.
set -eu
umask 077
out=${VEILSUM_ROOT:-/data}
host=${VEILSUM_HOST:-coordinator}
[ ! -e "$out/operator/operator.toml" ] || exit 0
work=$(mktemp -d)
veilsum federation init --name fed.example --out "$work/federation" --listen "$host:7443" --enroll-listen "$host:7444"
# The operator's configuration names the root certificate beside its own folder.
sed -i 's|"../root.pem"|"root/ca.pem"|' "$work/federation/operator/operator.toml"
mkdir -p "$out/coordinator" "$out/operator"
cp -R "$work/federation/coordinator" "$work/federation/issuer" "$work/federation/root.pem" "$out/coordinator/"
cp -R "$work/federation/root" "$work/federation/operator"/tls.* "$out/operator/"
cp "$work/federation/operator/operator.toml" "$out/operator/"  # the last: it says that all is there
rm -rf "$work"
