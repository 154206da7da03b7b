#!/usr/bin/env bash
# The federation of the README's second chapter, as deploy/examples sets it up, with a short plan
# and leaves that expire before the run does: it must not notice. Meanwhile its metrics are read, its
# store is backed up, and its nodes are told to read their files again.
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
examples=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../../deploy/examples" && pwd)
PATH=$(dirname -- "$program"):$PATH
commands=$(grep -cE '^ *(veilsum|run=\$\(veilsum)' "$examples/three-merchants.sh")
in_loop=$(sed -n '/^for /,/^done/p' "$examples/three-merchants.sh" | grep -cE '^ *veilsum')
[ $((commands + 2 * in_loop)) -lt 20 ] || fail "the script takes $((commands + 2 * in_loop)) commands"

sed 's/^steps = 300/steps = 16/; s/^attempts_max = 340.*/attempts_max = 32/; s/^key_batch = 32/key_batch = 8/
     s/^tick_ms = 5/tick_ms = 2000/; s/^deadline_ms = 5000/deadline_ms = 9000/' \
  "$examples/synthetic_shops.toml" >"$work/plan.toml"
export VEILSUM_IDENTITY_LEAF_SECONDS=20
export VEILSUM_PORT=$((20000 + $$ % 20000))
export VEILSUM_METRICS_ADDRESS=127.0.0.1:0 VEILSUM_LOG_FORMAT=json
"$examples/three-merchants.sh" "$work/out" "$work/plan.toml" >"$work/stdout" 2>"$work/stderr" &
background=$!
script=$background

# What a node in this folder's log serves at a path.
get() {
  local port
  port=$(sed -nE 's/.*"metrics on [^"]*[: ]([0-9]+)".*/\1/p' "$work/out/$1.log" | head -n 1)
  [ -n "$port" ] || return 1
  exec 3<>"/dev/tcp/127.0.0.1/$port" || return 1
  printf 'GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n' "$2" >&3
  cat <&3
  exec 3>&-
}
# Whether what a node serves at a path has a line: from a file, since a reader that stops early fails its writer.
serves() {
  get "$1" "$2" >"$work/served" 2>/dev/null && grep -qE "$3" "$work/served"
}
# Once two rounds are through.
for _ in $(seq 900); do
  serves coordinator /metrics '^veilsum_round_total\{outcome="committed"\} [2-9]' && break
  kill -0 "$script" 2>/dev/null || { cat "$work/stderr" >&2; fail "the script ended before its second round"; }
  sleep 0.1
done
for node in coordinator acme bolt cara; do get "$node" /metrics >"$work/$node.metrics"; done
expect_metric() { grep -qE "^$2\$" "$work/$1.metrics" || { cat "$work/$1.metrics" >&2; fail "$1 has no $2"; }; }
expect_metric coordinator 'veilsum_round_participants 3'
expect_metric coordinator 'veilsum_ledger_size [1-9][0-9]*'
expect_metric coordinator 'veilsum_ledger_cosignatures [0-3]'
expect_metric coordinator 'veilsum_secagg_dropouts_total 0'
expect_metric coordinator 'veilsum_privacy_epsilon_spent_ratio 0\.[0-9]+'
expect_metric coordinator 'veilsum_cert_expiry_seconds [0-9.]+'
expect_metric coordinator 'veilsum_db_txn_duration_seconds_count [1-9][0-9]*'
for merchant in acme bolt cara; do
  expect_metric "$merchant" 'veilsum_client_connected 1'
  expect_metric "$merchant" 'veilsum_round_total\{outcome="sent"\} [1-9][0-9]*'
  expect_metric "$merchant" 'veilsum_privacy_epsilon_spent_ratio\{block="epoch-1/training"\} 0\.[0-9]+'
  # Nothing else of a merchant: what is shown is this list.
  unknown=$(sed -nE 's/^# TYPE (\S+) .*/\1/p' "$work/$merchant.metrics" | grep -vxE 'veilsum_(build_info|client_connected|client_connects_total|round_total|privacy_epsilon_spent_ratio|privacy_budget_denied_total|ledger_size|cert_expiry_seconds)') || true
  [ -z "$unknown" ] || fail "$merchant shows $unknown"
done
serves coordinator /healthz '^ok$' || fail "not healthy"
# A second operator is let in, and there is no third of its name.
second=$(veilsum federation operator ann --federation "$work/out/federation")
veilsum tenant list --config "$second" | grep -qw acme || fail "the second operator is not let in"
! veilsum federation operator ann --federation "$work/out/federation" 2>"$work/refused" || fail "a second ann was made"
grep -q 'is there already' "$work/refused" || fail "refused as: $(cat "$work/refused")"

# On a machine so busy that the run is over meanwhile, what needs a coordinator proves nothing.
wrong() { ! kill -0 "$script" 2>/dev/null || fail "$@"; }
config=$work/out/federation/coordinator/coordinator.toml
veilsum-coordinator backup --config "$config" --out "$work/backup" >"$work/backup.txt" ||
  fail "no backup while it runs"
grep -q '^backup: 1 runs, ' "$work/backup.txt" || fail "the backup says $(cat "$work/backup.txt")"
for merchant in acme bolt cara; do
  [ -s "$work/backup/records/tenants/$merchant.sqlite" ] || fail "the backup knows nothing of $merchant"
done
! grep -rlq 'PRIVATE KEY' "$work/backup" || fail "the backup holds a key"
serves coordinator /metrics '^veilsum_backup_last_success_timestamp_seconds 1[0-9]{9}' || wrong "the backup is not noticed"
code=0
veilsum-coordinator fsck --config "$config" >/dev/null 2>"$work/fsck" || code=$?
[ "$code" = 75 ] || wrong "fsck of a store in use: $code $(cat "$work/fsck")"
veilsum-client preflight --node --config "$work/out/acme/client.toml" >"$work/preflight" ||
  wrong "preflight: $(cat "$work/preflight")"
[ "$(awk '{print $2}' "$work/preflight" | tr '\n' ' ')" = 'certificate clock dns coordinator mtu disk gpu policy ' ] ||
  wrong "preflight: $(cat "$work/preflight")"
operator=$work/out/federation/operator
cp "$operator/tls.pem" "$work/old.pem"
veilsum-client renew --operator "$operator/operator.toml" ||
  wrong "the operator's leaf is not renewed"
! cmp -s "$operator/tls.pem" "$work/old.pem" || wrong "the operator's leaf is the old one"
# As its timer would: the fresh leaf is as short as the nodes'.
while kill -0 "$script" 2>/dev/null; do
  sleep 5
  veilsum-client renew --operator "$operator/operator.toml" 2>/dev/null || true
done &
for file in /proc/[0-9]*/cmdline; do
  if tr '\0' ' ' 2>/dev/null <"$file" | grep -q "veilsum-client run --config $work/out/acme/"; then
    kill -HUP "$(basename "$(dirname "$file")")" || true
    told=yes
  fi
done

code=0
wait "$script" || code=$?
[ "$code" = 0 ] || { cat "$work/stderr" "$work/out"/*.log >&2; fail "the script ended with $code"; }
background=
grep -qx finished "$work/stdout" || fail "the run did not finish"
began=$(stat -c %Y "$work/out/cara/client.toml") ended=$(stat -c %Y "$work/out/model.bin")
[ $((ended - began)) -gt 21 ] || fail "the run took only $((ended - began)) s: no leaf expired"
! grep -q 'aborted [1-9]' "$work/stderr" || { cat "$work/stderr" >&2; fail "the run noticed"; }
[ -s "$work/out/model.bin" ] || fail "no model"
[ -z "${told:-}" ] || grep -q 'certificates and policy were read again' "$work/out/acme.log" || fail "SIGHUP did nothing"
for merchant in acme bolt cara; do
  [ "$(stat -c %a "$work/out/$merchant/tls.key")" = 600 ] || fail "$merchant's key is open to others"
  [ "$(stat -c %a "$work/out/$merchant/signing.key")" = 600 ] || fail "$merchant's signing key is open"
  ! grep -rlq 'PRIVATE KEY' "$work/out/kits/$merchant" || fail "$merchant's kit holds a key"
  grep -q 'certificates renewed' "$work/out/$merchant.log" || fail "$merchant's leaf was not renewed"
  cmp -s "$work/out/kits/$merchant/root.pem" "$work/out/$merchant/root.pem" || fail "another root"
done
! grep -rlq 'vsj1\.' "$work/out" || fail "a token was kept"

# Every line of a log is an object with its keys, and names no customer.
for node in coordinator acme bolt cara; do
  [ -s "$work/out/$node.log" ] || fail "$node has no log"
  while IFS= read -r line; do
    printf '%s' "$line" >"$work/line.json"
    expect_json "$work/line.json" ts level component event msg
  done < <(tail -n 5 "$work/out/$node.log")
  ! grep -vqE '^\{"ts":"[^"]+","level":"(info|warning|error)","component":"veilsum-.*\}$' "$work/out/$node.log" ||
    fail "$node's log has a line that is no JSON: $(grep -vE '^\{' "$work/out/$node.log")"
done
find "$work/out/data/merchants" -name '*.csv' -exec cut -d, -f1 {} + | grep -v '^user_id' | sort -u >"$work/customers"
[ "$(wc -l <"$work/customers")" -gt 100 ] || fail "found no customers to look for"
! grep -qwF -f "$work/customers" "$work/out"/*.log || fail "a log names a customer"

# The backup, put where a store is gone, is sound, and is refused over a store that is there.
code=0
veilsum-coordinator restore --config "$config" --from "$work/backup" >/dev/null 2>&1 || code=$?
[ "$code" != 0 ] || fail "a backup was put over a store"
veilsum-coordinator fsck --config "$config" >"$work/fsck" || fail "the store is not sound: $(cat "$work/fsck")"
grep -q '^tenants: 3, with [1-9][0-9]* tokens, [1-9][0-9]* leaves, ' "$work/fsck" || fail "fsck of the records says $(cat "$work/fsck")"
tail -n 1 "$work/fsck" | grep -q '^sound: 1 runs, ' || fail "fsck ends with $(cat "$work/fsck")"
cat "$work/fsck"
