#!/usr/bin/env bash
# Two federations in one process with stores in PostgreSQL, which this test starts itself: each has a
# lease of its own. A second process that has one of them only stands by for that one, and leads it
# once the first process is killed with -9; the other one waits for the first process to come back.
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
PATH=$(dirname -- "$program"):$PATH
initdb=$(ls -d /usr/lib/postgresql/*/bin/initdb 2>/dev/null | sort -V | tail -n 1)
if [ -z "$initdb" ]; then
  echo "skipped: no PostgreSQL server in /usr/lib/postgresql (postgresql-15)"
  exit 77
fi
programs=$(dirname -- "$initdb")
mkdir -p "$work/out"
cd "$work/out"
database=$(mktemp -d /tmp/veilsum-pg.XXXXXX)  # a socket's path is short
server=
stop_all() {
  kill $(jobs -p) 2>/dev/null || true
  [ -z "$server" ] || kill -QUIT "$server" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf -- "$database"
  finish
}
trap stop_all EXIT
as=()  # PostgreSQL refuses to run as root
if [ "$(id -u)" = 0 ]; then
  user=$(id -u postgres >/dev/null 2>&1 && echo postgres || echo nobody)
  chown "$user" "$database"
  as=(setpriv "--reuid=$user" "--regid=$(id -g "$user")" --clear-groups)
fi
echo only-of-this-test >"$database/password"
chmod 644 "$database/password"
(cd "$database" && "${as[@]}" "$initdb" -D "$database/data" -U veilsum --auth=scram-sha-256 --pwfile="$database/password" \
  --encoding=UTF8 --locale=C --no-sync --no-instructions >"$work/initdb.log" 2>&1) || fail "initdb: $(tail -n 5 "$work/initdb.log")"
umask 077
(cd "$database" && exec "${as[@]}" "$programs/postgres" -D "$database/data" -k "$database" -c listen_addresses= \
  -c shared_buffers=16MB -c max_connections=20 >>"$work/postgres.log" 2>&1) &
server=$!
echo "*:*:*:veilsum:only-of-this-test" >passfile

port=$((20000 + $$ % 20000))
for name in alpha beta; do
  [ "$name" = alpha ] || port=$((port + 2))
  veilsum federation init --name "$name.example" --out "$name" --listen "127.0.0.1:$port" \
    --enroll-listen "127.0.0.1:$((port + 1))" >/dev/null 2>&1
  sed -i "s|^path = \"coordinator.sqlite\"|url = \"postgresql://veilsum@/postgres?host=$database\"\npassfile = \"$PWD/passfile\"\nschema = \"$name\"\n\n[ledger]\nkey = \"ledger.key\"|" \
    "$name/coordinator/coordinator.toml"
done
alpha=alpha/coordinator/coordinator.toml beta=beta/coordinator/coordinator.toml
code=0
veilsum-coordinator check-config --config "$alpha" --config "$beta" --set store.schema=one 2>refused || code=$?
[ "$code" = 78 ] && grep -q 'the same store.url with store.schema' refused || fail "one schema for two: $code $(cat refused)"

await() {  # log, line
  for _ in $(seq 300); do
    grep -q "$2" "$1" && return
    sleep 0.1
  done
  fail "$1 does not say $2: $(cat "$1")"
}
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
