#!/usr/bin/env bash
# The federation of the README's second chapter, as deploy/examples sets it up, with a short plan
# and leaves that expire before the run does: it must not notice.
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
examples=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../../deploy/examples" && pwd)
PATH=$(dirname -- "$program"):$PATH
commands=$(grep -cE '^ *(veilsum|run=\$\(veilsum)' "$examples/three-merchants.sh")
in_loop=$(sed -n '/^for /,/^done/p' "$examples/three-merchants.sh" | grep -cE '^ *veilsum')
[ $((commands + 2 * in_loop)) -lt 20 ] || fail "the script takes $((commands + 2 * in_loop)) commands"

sed 's/^steps = 300/steps = 10/; s/^attempts_max = 340.*/attempts_max = 24/; s/^key_batch = 32/key_batch = 8/
     s/^tick_ms = 5/tick_ms = 2000/; s/^deadline_ms = 5000/deadline_ms = 9000/' \
  "$examples/synthetic_shops.toml" >"$work/plan.toml"
export VEILSUM_IDENTITY_LEAF_SECONDS=20
export VEILSUM_PORT=$((20000 + $$ % 20000))
"$examples/three-merchants.sh" "$work/out" "$work/plan.toml" >"$work/stdout" 2>"$work/stderr" ||
  { cat "$work/stderr" "$work/out"/*.log >&2; fail "the script ended with $?"; }
grep -qx finished "$work/stdout" || fail "the run did not finish"
began=$(stat -c %Y "$work/out/cara/client.toml") ended=$(stat -c %Y "$work/out/model.bin")
[ $((ended - began)) -gt 21 ] || fail "the run took only $((ended - began)) s: no leaf expired"
! grep -q 'aborted [1-9]' "$work/stderr" || { cat "$work/stderr" >&2; fail "the run noticed"; }
[ -s "$work/out/model.bin" ] || fail "no model"
for merchant in acme bolt cara; do
  [ "$(stat -c %a "$work/out/$merchant/tls.key")" = 600 ] || fail "$merchant's key is open to others"
  [ "$(stat -c %a "$work/out/$merchant/signing.key")" = 600 ] || fail "$merchant's signing key is open"
  ! grep -rlq 'PRIVATE KEY' "$work/out/kits/$merchant" || fail "$merchant's kit holds a key"
  grep -q 'certificates renewed' "$work/out/$merchant.log" || fail "$merchant's leaf was not renewed"
  cmp -s "$work/out/kits/$merchant/root.pem" "$work/out/$merchant/root.pem" || fail "another root"
done
! grep -rlq 'vsj1\.' "$work/out" || fail "a token was kept"
