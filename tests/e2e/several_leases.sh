#!/usr/bin/env bash
# Two federations in one process with stores in PostgreSQL, which this test starts itself: each has a
# lease of its own. A second process that has one of them only stands by for that one, and leads it
# once the first process is killed with -9; the other one waits for the first process to come back.
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
. "$here/by_hand.sh"
. "$here/postgres.sh"

for name in alpha beta; do
  [ "$name" = alpha ] || port=$((port + 2))
  veilsum federation init --name "$name.example" --out "$name" --listen "127.0.0.1:$port" \
    --enroll-listen "127.0.0.1:$((port + 1))" >/dev/null 2>&1
  store_in_postgres "$name/coordinator/coordinator.toml" "schema = \"$name\"\n"
done
alpha=alpha/coordinator/coordinator.toml beta=beta/coordinator/coordinator.toml
code=0
veilsum-coordinator check-config --config "$alpha" --config "$beta" --set store.schema=one 2>refused || code=$?
[ "$code" = 78 ] && grep -q 'the same store.url with store.schema' refused || fail "one schema for two: $code $(cat refused)"

veilsum-coordinator serve --config "$alpha" --config "$beta" 2>first.log &
first=$!
await first.log 'alpha.example: leads, in term 1'
await first.log 'beta.example: leads, in term 1'
await first.log 'alpha.example: listens on'
await first.log 'beta.example: listens on'
veilsum-coordinator serve --config "$alpha" --set "listen.address=127.0.0.1:$((port + 2))" \
  --set "identity.enroll_address=127.0.0.1:$((port + 3))" 2>second.log &
second=$!
await second.log 'stands by'
! grep -q 'leads' second.log || fail "two lead: $(cat second.log)"
kill -KILL "$first"
await second.log 'leads, in term 2'
! grep -q 'beta' second.log || fail "the second process knows of beta: $(cat second.log)"

# The first process comes back: it leads the federation that nobody took over, and stands by for the other.
veilsum-coordinator serve --config "$alpha" --config "$beta" 2>third.log &
third=$!
await third.log 'beta.example: leads, in term 2'
await third.log 'alpha.example: stands by'
! grep -q 'alpha.example: leads' third.log || fail "two lead: $(cat third.log)"
# Both are told to end, the one that leads and the one that waits.
kill -TERM "$third"
code=0
wait "$third" || code=$?
[ "$code" = 0 ] || fail "ended with $code: $(cat third.log)"
grep -q 'beta.example: shuts down' third.log || fail "beta was not shut down: $(cat third.log)"
kill -TERM "$second"
wait "$second" || fail "the second one: $(cat second.log)"
