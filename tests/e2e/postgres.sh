# Sourced after by_hand.sh by the tests that keep stores in PostgreSQL: a server of their own, which
# ends with the test. Loopback is not even opened, the socket in $database is the only way in; the
# password is in ./passfile. Where there is no PostgreSQL the test is skipped.
initdb=$(ls -d /usr/lib/postgresql/*/bin/initdb 2>/dev/null | sort -V | tail -n 1)
if [ -z "$initdb" ]; then
  echo "skipped: no PostgreSQL server in /usr/lib/postgresql (postgresql-15)"
  exit 77
fi
programs=$(dirname -- "$initdb")
database=$(mktemp -d /tmp/veilsum-pg.XXXXXX)  # a socket's path is short
server=
stop_more() {
  [ -z "$server" ] || kill -QUIT "$server" 2>/dev/null || true
  wait 2>/dev/null || true
  rm -rf -- "$database"
}
as=()  # PostgreSQL refuses to run as root
if [ "$(id -u)" = 0 ]; then
  user=$(id -u postgres >/dev/null 2>&1 && echo postgres || echo nobody)
  chown "$user" "$database"
  as=(setpriv "--reuid=$user" "--regid=$(id -g "$user")" --clear-groups)
fi
(umask 022 && echo only-of-this-test >"$database/password")
(umask 022 && cd "$database" && "${as[@]}" "$initdb" -D "$database/data" -U veilsum --auth=scram-sha-256 \
  --pwfile="$database/password" --encoding=UTF8 --locale=C --no-sync --no-instructions >"$work/initdb.log" 2>&1) ||
  fail "initdb: $(tail -n 5 "$work/initdb.log")"
(cd "$database" && exec "${as[@]}" "$programs/postgres" -D "$database/data" -k "$database" -c listen_addresses= \
  -c shared_buffers=16MB -c max_connections=20 >>"$work/postgres.log" 2>&1) &
server=$!
echo "*:*:*:veilsum:only-of-this-test" >passfile
ask() { PGPASSFILE=$PWD/passfile "$programs/psql" -XqAt -h "$database" -U veilsum -d postgres -c "SET search_path = veilsum" -c "$1"; }
for _ in $(seq 300); do
  ! ask 'SELECT 1' >/dev/null 2>&1 || break
  sleep 0.1
done
ask 'SELECT 1' >/dev/null || fail "no database: $(tail -n 5 "$work/postgres.log")"

# The coordinator's configuration FILE keeps its store here.
store_in_postgres() { # FILE [LINE-OF-THE-STORE]
  sed -i "s|^path = \"coordinator.sqlite\"|url = \"postgresql://veilsum@/postgres?host=$database\"\npassfile = \"$PWD/passfile\"\n${2:-}\n[ledger]\nkey = \"ledger.key\"|" "$1"
}
