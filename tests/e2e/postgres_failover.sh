#!/usr/bin/env bash
# Two coordinators share a store in PostgreSQL, which this test starts itself, and three merchants
# train. In the middle of it the one that leads is killed with -9: the other takes the lease, aborts
# what was under way, and the run goes on to its end. No attempt that was charged is lost, store and
# ledger say the same, the ledger tells of both terms, and the model is the one that it names. A join
# token of the first lets one node in at the other, and a merchant who was put out stays out. Then a
# dump of before is put back: a merchant who has seen more refuses it, and its odometer stays.
#   VEILSUM_TAKE_OVER_SECONDS   until the other commits a round, at most (default 10)
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
. "$here/by_hand.sh"
. "$here/postgres.sh"

# ---- Two coordinators with one configuration and one ledger key; merchants know both.
first=127.0.0.1:$port second=127.0.0.1:$((port + 2))
make_federation
store_in_postgres "$config"
veilsum-coordinator check-config --config "$config" || fail "the configuration is refused"
code=0
veilsum-coordinator check-config --config "$config" --set store.url=postgresql://u:secret-word@localhost/x 2>refused || code=$?
[ "$code" = 78 ] && grep -q passfile refused && ! grep -q secret-word refused || fail "a password in the address: $code $(cat refused)"
sed "s|^address = .*|address = \"$second\"|" "$operator" >"$(dirname "$operator")/second.toml"
second_operator=$(dirname "$operator")/second.toml
export VEILSUM_LOG_FORMAT=json
veilsum-coordinator serve --config "$config" 2>a.log &
leader=$!
await a.log 'listens on' 60
grep -q 'leads, in term 1' a.log || fail "the first leads not: $(cat a.log)"
veilsum-coordinator serve --config "$config" --set "listen.address=$second" \
  --set metrics.address=127.0.0.1:0 2>b.log &  # it lets nodes in where the first did, once that is gone
other=$!
await b.log 'stands by' 60
leads() {  # what the second shows to Prometheus
  exec 3<>"/dev/tcp/127.0.0.1/$(sed -nE 's/.*"metrics on [^"]*:([0-9]+)".*/\1/p' b.log | head -n 1)"
  printf 'GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n' >&3
  sed -nE 's/^veilsum_leader ([01]).*/\1/p' <&3
  exec 3>&-
}
[ "$(leads)" = 0 ] || fail "the standby shows that it leads"

veilsum data generate --out data --merchants 3 >/dev/null
members=() number=0
for name in acme bolt cara; do
  number=$((number + 1))
  [ $number = 1 ] || sleep 1  # one attempt a second from one address
  veilsum tenant create "$name" --config "$operator" --kit "kits/$name" >/dev/null
  veilsum token create "$name" node-1 --config "$operator" >token
  veilsum-client enroll --token-file token --out "$name" --data "data/merchants/shop_$number" \
    --policy "$examples/three-merchants.policy.toml" >/dev/null || fail "$name cannot enrol"
  sed -i "s|^address = \"$first\"|addresses = [\"$second\", \"$first\"]|" "$name/client.toml"
  grep -q '^addresses' "$name/client.toml" || fail "$name knows one coordinator: $(cat "$name/client.toml")"
  veilsum-client run --config "$name/client.toml" 2>"$name.log" &
  eval "client_$number=$!"
  members+=(--member "$name/node-1=4096")
done
# The standby answers, and says who leads.
code=0
veilsum run watch nothing --config "$second_operator" >/dev/null 2>standby || code=$?
[ "$code" != 0 ] && grep -q "a standby: $first leads" standby || fail "the standby says: $(cat standby)"

# ---- What the first leader makes besides: tokens, one of them used, and a merchant who is put out.
veilsum tenant create dora --config "$operator" --kit kits/dora >/dev/null
veilsum tenant create eve --config "$operator" --kit kits/eve >/dev/null
veilsum token create dora node-1 --config "$operator" >dora.token
veilsum token create eve node-1 --config "$operator" >eve.token
enrol() {  # TOKEN FOLDER
  sleep 1  # one attempt a second from one address
  veilsum-client enroll --token-file "$1" --out "$2" --data data/merchants/shop_1 \
    --policy "$examples/three-merchants.policy.toml"
}
enrol eve.token eve >/dev/null || fail "eve cannot enrol"
veilsum tenant revoke eve --config "$operator" --reason "of this test" >/dev/null || fail "eve is not revoked"

sed 's/^steps = 300/steps = 24/; s/^attempts_max = 340.*/attempts_max = 64/; s/^key_batch = 32/key_batch = 8/
     s/^tick_ms = 5/tick_ms = 300/' "$examples/synthetic_shops.toml" >plan.toml
run=$(veilsum run start --config "$operator" --plan plan.toml "${members[@]}")

# ---- The leader dies in the middle of it.
committed() { grep -c '"event":"round".*committed' "$1" || true; }
await a.log '"event":"round".*committed' 60
PGPASSFILE=$PWD/passfile "$programs/pg_dump" -h "$database" -U veilsum -d postgres >old.sql || fail "no dump"
for _ in $(seq 1200); do
  [ "$(committed a.log)" -ge 6 ] && break
  sleep 0.05
done
[ "$(committed a.log)" -ge 6 ] || fail "the run did not begin: $(tail -n 5 a.log)"
charged=$(ask 'SELECT sum(attempts) FROM budgets')
now() { date +%s%3N; }
died=$(now)
kill -9 "$leader"
await b.log 'leads, in term 2' 60
leads=$(($(now) - died))
await b.log '"event":"round".*committed' 60
again=$(($(now) - died))
printf 'take-over: the other leads after %d ms, and has committed a round after %d ms\n' "$leads" "$again"
[ "$again" -le $((${VEILSUM_TAKE_OVER_SECONDS:-10} * 1000)) ] || fail "the run went on only after $again ms"

# ---- The other knows the tenants: a token of the first's is good for one node, who is out stays out.
await b.log 'listens on' 60
enrol dora.token dora >/dev/null 2>enrol.log || fail "dora cannot enrol at the second: $(cat enrol.log)"
! enrol dora.token again >/dev/null 2>refused || fail "a token is redeemed twice"
grep -q 'used for other keys' refused || fail "the second redemption says: $(cat refused)"
veilsum-client renew --config dora/client.toml >/dev/null 2>renewed || fail "dora cannot renew: $(cat renewed)"
sed -i "s|^address = .*|address = \"$second\"|" eve/client.toml
! veilsum-client renew --config eve/client.toml >/dev/null 2>refused || fail "eve renews her certificates"
veilsum tenant list --config "$second_operator" >listed || fail "the tenants are not listed"
[ "$(grep -c . listed)" -ge 5 ] && grep -q '^dora' listed || fail "the second lists $(cat listed)"
! veilsum token create eve node-2 --config "$second_operator" >/dev/null 2>refused || fail "eve is let in again"
grep -q revoked refused || fail "a token for eve: $(cat refused)"
[ "$(ask 'SELECT count(*) FROM tenants')" = 5 ] || fail "tenants: $(ask 'SELECT tenant FROM tenants')"
[ ! -e federation/coordinator/records ] || fail "tenants' records lie in files"

[ "$(leads)" = 1 ] || fail "the new leader does not show that it leads"
veilsum run watch "$run" --config "$second_operator" >state 2>watch.log || { tail -n 3 watch.log >&2; fail "the run failed"; }
grep -qx finished state || fail "the run is $(cat state)"
veilsum run model "$run" --config "$second_operator" --out model.bin
for number in 1 2 3; do
  client=client_$number
  wait "${!client}" || fail "a client ended with $?: $(tail -n 3 ./*.log)"
done
! grep -hE 'LEDGER_|SE-09|alarm' acme.log bolt.log cara.log || fail "a merchant refused the ledger"

# ---- Nothing is lost, and all say the same.
veilsum-coordinator fsck --config "$config" >fsck || fail "fsck: $(cat fsck)"
grep -q '^sound: 1 runs, ' fsck || fail "fsck says $(cat fsck)"
opened=$(ask 'SELECT sum((last - first + 1) * json_array_length(members)) FROM blocks')
[ "$(ask 'SELECT sum(attempts) FROM budgets')" = "$opened" ] || fail "charged is not what was opened: $opened"
[ "$opened" -gt "$charged" ] || fail "charged $charged before, $opened after"
[ "$(ask 'SELECT count(*) FROM rounds WHERE state IN (0, 1)')" = 0 ] || fail "a round is neither committed nor aborted"
[ "$(ask "SELECT count(*) FROM rounds WHERE reason = 'coordinator restarted'")" -ge 1 ] || fail "nothing was under way"
entry="convert_from(decode(convert_from(leaf, 'UTF8')::json->>'payload', 'base64'), 'UTF8')"
for term in 1 2; do
  [ "$(ask "SELECT count(*) FROM ledger WHERE $entry LIKE '%\"term\":$term,%'")" -ge 5 ] ||
    fail "the ledger does not tell of term $term"
done
hash=$({ printf 'fsa/v1/model\0'; cat model.bin; } | sha256sum | cut -d ' ' -f 1)
last=$(ask "SELECT $entry FROM ledger WHERE name LIKE 'round.committed %' AND $entry NOT LIKE '%\"model_sha256\":\"\"%' ORDER BY leaf_index DESC LIMIT 1")
case $last in *"\"model_sha256\":\"$hash\""*) ;; *) fail "the model $hash is not that of $last" ;; esac
! grep -rq only-of-this-test ./*.log || fail "a log has the password"
cat fsck

# ---- Backups are the database's, and an old one refunds nothing.
for command in "backup --out" "restore --from"; do
  code=0
  # shellcheck disable=SC2086  # two words
  veilsum-coordinator $command "$PWD/copy" --config "$config" >/dev/null 2>refused || code=$?
  [ "$code" != 0 ] && grep -q pg_dump refused && [ ! -e copy ] || fail "$command: $code $(cat refused)"
done
veilsum-client odometer --config acme/client.toml --json >before
kill "$other"
wait "$other" || fail "the second coordinator ended with $?"
ask "DO \$\$ DECLARE each record; BEGIN
  FOR each IN SELECT nspname FROM pg_namespace WHERE nspname = 'veilsum' OR nspname LIKE 'tenant\\_%' LOOP
    EXECUTE 'DROP SCHEMA ' || each.nspname || ' CASCADE';
  END LOOP; END \$\$" >/dev/null 2>&1 || fail "the schemas are not dropped"
PGPASSFILE=$PWD/passfile "$programs/psql" -Xq -v ON_ERROR_STOP=1 -h "$database" -U veilsum -d postgres -f old.sql >restored 2>&1 ||
  fail "the dump cannot be put back: $(tail -n 3 restored)"
veilsum-coordinator fsck --config "$config" >fsck || fail "fsck of the old copy: $(cat fsck)"
[ "$(ask 'SELECT count(*) FROM tenants')" = 5 ] || fail "the copy lacks tenants"
veilsum-coordinator serve --config "$config" 2>c.log &
await c.log 'listens on' 60
code=0
timeout 60 veilsum-client run --config acme/client.toml 2>again.log || code=$?
[ "$code" != 0 ] && [ "$code" != 124 ] || fail "the restored coordinator was believed: $code"
grep -qE 'LEDGER_(ROLLBACK|FORK)' again.log || fail "refused, but not for the ledger: $(cat again.log)"
veilsum-client odometer --config acme/client.toml --json >after
cmp -s before after || fail "the odometer has changed"
echo "restored: refused with $(grep -oE 'LEDGER_[A-Z]+' again.log | head -n 1)"
