# Sourced after lib.sh by the tests that make a federation by hand, as its users do: a folder to work in,
# whose processes end with the test, a coordinator, merchants.
examples=$(cd -- "$here/../../deploy/examples" && pwd)
PATH=$(dirname -- "$program"):$PATH
mkdir -p "$work/out"
cd "$work/out"
umask 077
port=$((20000 + $$ % 20000))

stop_more() { :; }  # of a test that has more to stop
stop_all() {
  kill -TERM $(jobs -p) 2>/dev/null || true
  stop_more
  wait 2>/dev/null || true
  finish
}
trap stop_all EXIT
# fail, with the end of every log.
whole() {
  tail -n 20 -- "$work/out"/*.log >&2
  fail "$@"
}

# Until FILE has a line with PATTERN, at most SECONDS.
await() { # FILE PATTERN [SECONDS]
  for _ in $(seq $((${3:-30} * 20))); do
    ! grep -qE -- "$2" "$1" 2>/dev/null || return 0
    sleep 0.05
  done
  fail "$1 has no '$2': $(tail -n 5 -- "$1")"
}

# In federation/: $operator and $config are an operator's configuration and the coordinator's.
make_federation() {
  veilsum federation init --name fed.example --out federation \
    --listen "127.0.0.1:$port" --enroll-listen "127.0.0.1:$((port + 1))" >/dev/null 2>&1 || fail "no federation"
  operator=federation/operator/operator.toml config=federation/coordinator/coordinator.toml
}
start_coordinator() {
  : >coordinator.log
  veilsum-coordinator serve --config "$config" 2>coordinator.log &
  coordinator=$!
  await coordinator.log 'listens on'
}
# A merchant with the data of a generated shop and the policy of policy.toml, in a folder of its name.
enrol() { # MERCHANT SHOP
  veilsum tenant create "$1" --config "$operator" --kit "kits/$1" >/dev/null
  veilsum token create "$1" node-1 --config "$operator" >token
  veilsum-client enroll --token-file token --out "$1" --data "data/merchants/shop_$2" \
    --policy policy.toml >/dev/null 2>&1 || whole "$1 cannot enrol"
}
