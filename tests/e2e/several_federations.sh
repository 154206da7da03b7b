#!/usr/bin/env bash
# Two federations in one process, with merchants of the same names; the first has two runs beside
# each other. In the middle of it the process is ended and started again: all three runs go on to
# their end. Afterwards neither federation's files, metrics or log lines know of the other one.
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
. "$here/by_hand.sh"
sed 's/^steps = 300/steps = 24/; s/^attempts_max = 340.*/attempts_max = 48/; s/^key_batch = 32/key_batch = 8/
     s/^tick_ms = 5/tick_ms = 1000/; s/^deadline_ms = 5000/deadline_ms = 20000/' \
  "$examples/synthetic_shops.toml" >plan.toml

listener() { [ "$1" = alpha ] && echo "127.0.0.1:$port" || echo "127.0.0.1:$((port + 2))"; }
config() { echo "$1/federation/coordinator/coordinator.toml"; }
operator() { echo "$1/federation/operator/operator.toml"; }
for name in alpha beta; do
  mkdir "$name"
  enroll=$port
  [ "$name" = alpha ] || enroll=$((port + 2))
  veilsum federation init --name "$name.example" --out "$name/federation" --listen "$(listener "$name")" \
    --enroll-listen "127.0.0.1:$((enroll + 1))" >/dev/null 2>&1
  printf '[rollout]\nrepository = "../../rollouts"\n[metrics]\naddress = "127.0.0.1:0"\n[log]\nformat = "json"\n' >>"$(config "$name")"
done
both=(--config "$(config alpha)" --config "$(config beta)")

# ---- What two federations cannot share: nothing is started.
veilsum-coordinator check-config "${both[@]}" || fail "two good configurations are refused"
expect_refusal() {  # what the error has; then the settings that replace beta's
  local expected=$1 code=0
  shift
  sed "$@" "$(config beta)" >beta/federation/coordinator/shared.toml
  veilsum-coordinator serve --config "$(config alpha)" --config beta/federation/coordinator/shared.toml 2>refused || code=$?
  [ "$code" = 78 ] || fail "$expected: code $code, $(cat refused)"
  grep -qF "the same $expected" refused || fail "refused as: $(cat refused)"
}
expect_refusal federation.name 's/beta.example/alpha.example/'
expect_refusal listen.address "s/^address = \"$(listener beta)\"/address = \"$(listener alpha)\"/"
expect_refusal 'listen.address and identity.enroll_address' "s/^enroll_address = .*/enroll_address = \"0.0.0.0:$port\"/"
expect_refusal store.path 's|^path = .*|path = "../../../alpha/federation/coordinator/coordinator.sqlite"|'
expect_refusal ledger.key '$ a [ledger]\nkey = "../../../alpha/federation/coordinator/ledger.key"'
expect_refusal identity.issuer 's|^issuer = .*|issuer = "../../../alpha/federation/issuer"|'
expect_refusal rollout.repository 's|^repository = .*|repository = "../../../alpha/rollouts"|'

# ---- What is wrong with one is said of it, before the other one serves.
sed 's|^key = "tls.key"|key = "no.key"|' "$(config beta)" >beta/federation/coordinator/broken.toml
code=0
veilsum-coordinator serve --config "$(config alpha)" --config beta/federation/coordinator/broken.toml 2>refused || code=$?
[ "$code" != 0 ] || fail "served without a key"
grep -q '^veilsum-coordinator: beta.example: .*no\.key' refused || fail "refused as: $(cat refused)"
! grep -q 'listens on' refused || fail "one served: $(cat refused)"
code=0
veilsum-coordinator serve "${both[@]}" --set store.path=/nonexistent/folder/store 2>refused || code=$?
[ "$code" = 78 ] || fail "a setting that makes two share was taken: $(cat refused)"

# ---- Both serve.
serve() {
  veilsum-coordinator serve "${both[@]}" 2>>coordinator.log &
  coordinator=$!
}
serve
for _ in $(seq 100); do
  [ "$(grep -c '"listens on' coordinator.log)" = 2 ] && break
  sleep 0.1
done
[ "$(grep -c '"listens on' coordinator.log)" = 2 ] || fail "not both listen: $(cat coordinator.log)"
veilsum data generate --out data --merchants 3 >/dev/null
enrol() {  # federation, merchant, shop
  veilsum tenant create "$2" --config "$(operator "$1")" --kit "$1/kits/$2" >/dev/null
  veilsum token create "$2" node-1 --config "$(operator "$1")" >"$1/$2.token"
  veilsum-client enroll --token-file "$1/$2.token" --out "$1/$2" --data "data/merchants/shop_$3" \
    --policy "$examples/three-merchants.policy.toml" >/dev/null 2>&1
  rm "$1/$2.token"
  veilsum-client run --config "$1/$2/client.toml" 2>"$1/$2.log" &
}
for name in alpha beta; do
  enrol "$name" acme 1
  enrol "$name" bolt 2
  enrol "$name" cara 3
done
enrol alpha dora 1
enrol alpha egon 2
enrol alpha finn 3
start() {  # federation, three merchants
  veilsum run start --config "$(operator "$1")" --plan plan.toml \
    --member "$2/node-1=4096" --member "$3/node-1=2048" --member "$4/node-1=2048"
}
# At once: each takes seconds, for the noise is calibrated first.
start alpha acme bolt cara >one &
starts=($!)
start alpha dora egon finn >two &
starts+=($!)
start beta acme bolt cara >other &
starts+=($!)
for pid in "${starts[@]}"; do wait "$pid" || fail "a run does not start"; done
one=$(cat one) two=$(cat two) other=$(cat other)
[ "$one" != "$two" ] || fail "one run for two groups of merchants"

# A merchant is in one run at a time.
code=0
start alpha acme bolt finn >taken 2>&1 || code=$?
[ "$code" != 0 ] || fail "a merchant is in two runs"
grep -q 'alpha.example/tenant/acme/client/node-1 is in run .*, which is not over' taken || fail "refused as: $(cat taken)"

# ---- All three are under way at once; then the process is ended, and another one goes on.
committed() { grep -c "\"$1: committed\"" coordinator.log || true; }
for _ in $(seq 1200); do
  [ "$(committed "$one")" -ge 2 ] && [ "$(committed "$two")" -ge 2 ] && [ "$(committed "$other")" -ge 2 ] && break
  kill -0 "$coordinator" || fail "the coordinator ended: $(tail coordinator.log)"
  sleep 0.1
done
for run in "$one" "$two" "$other"; do
  [ "$(committed "$run")" -ge 2 ] || fail "$run does not get on: $(tail coordinator.log)"
  [ "$(committed "$run")" -lt 24 ] || fail "$run is over before the others have begun"
done
end_coordinator() {
  local code=0
  kill -TERM "$coordinator"
  wait "$coordinator" || code=$?
  [ "$code" = 0 ] || fail "ended with $code: $(tail coordinator.log)"
  [ "$(grep -c '"shuts down"' coordinator.log)" = $((2 * $1)) ] || fail "not both shut down"
}
end_coordinator 1
serve
for run in "$one" "$two" "$other"; do
  for _ in $(seq 100); do
    grep -q "\"$run: continues after step [1-9]" coordinator.log && break
    sleep 0.1
  done
  grep -q "\"$run: continues after step [1-9]" coordinator.log || fail "$run is not continued"
done
for _ in $(seq 100); do
  [ "$(grep -c '"listens on' coordinator.log)" = 4 ] && break
  sleep 0.1
done
veilsum run watch "$one" --config "$(operator alpha)" --json >watch.one 2>watch.one.log &
watch_one=$!
veilsum run watch "$two" --config "$(operator alpha)" >watch.two 2>&1 &
watch_two=$!
veilsum run watch "$other" --config "$(operator beta)" >watch.other 2>&1 || fail "$(cat watch.other)"
wait "$watch_one" || fail "$(cat watch.one.log)"
wait "$watch_two" || fail "$(cat watch.two)"
tail -n 1 watch.one >end.json
[ "$(json end.json state) $(json end.json schema)" = '"finished" "veilsum.run_progress.v1"' ] || fail "the last line: $(cat end.json)"
for watch in two other; do grep -qx finished "watch.$watch" || fail "the run did not finish: $(cat "watch.$watch")"; done
# A federation's operator finds no run of the other one.
! veilsum run watch "$other" --config "$(operator alpha)" >watched 2>&1 || fail "a run is seen from outside"
grep -q 'no run' watched || fail "refused as: $(cat watched)"
veilsum run model "$one" --config "$(operator alpha)" --out one.bin >/dev/null 2>&1
veilsum run model "$two" --config "$(operator alpha)" --out two.bin >/dev/null 2>&1
veilsum run model "$other" --config "$(operator beta)" --out other.bin >/dev/null 2>&1
! cmp -s one.bin two.bin && ! cmp -s one.bin other.bin || fail "two runs have one model"

# ---- Metrics: an endpoint each, and one federation on every series.
for name in alpha beta; do
  address=$(sed -nE "s/.*\"msg\":\"metrics on ([^\"]*)\",\"federation\":\"$name.example\".*/\1/p" coordinator.log | tail -n 1)
  exec 3<>"/dev/tcp/127.0.0.1/${address##*:}" || fail "no metrics of $name"
  printf 'GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n' >&3
  tr -d '\r' <&3 | grep '^veilsum_' >"$name.metrics" || true
  exec 3>&-
  [ "$(wc -l <"$name.metrics")" -gt 20 ] || fail "$name shows $(wc -l <"$name.metrics") figures"
  ! grep -vqE "^veilsum_[a-z_]+\{federation=\"$name\.example\"[,}]" "$name.metrics" ||
    fail "$name shows a figure of nobody: $(grep -vE "federation=\"$name" "$name.metrics")"
done
rounds() { sed -nE 's/^veilsum_round_total\{.*outcome="committed"\} ([0-9]+)/\1/p' "$1.metrics"; }
[ "$(rounds alpha)" -ge 4 ] && [ "$(rounds beta)" -ge 2 ] && [ "$(rounds alpha)" -gt "$(rounds beta)" ] ||
  fail "rounds: $(rounds alpha) and $(rounds beta)"

# ---- A certificate of one federation is nothing at the other one's listener.
if command -v openssl >/dev/null; then
  greet() {  # whose certificate, whose listener
    { sleep 2; } | openssl s_client -connect "$(listener "$2")" -alpn h2 -CAfile "$2/federation/root.pem" \
      -cert "$1/federation/operator/tls.pem" -cert_chain "$1/federation/operator/tls.pem" \
      -key "$1/federation/operator/tls.key" >greeting 2>&1 || true
    grep -aq 'Verification: OK' greeting || fail "no handshake with $2: $(tail -n 20 greeting)"
  }
  let_go() { grep -aqE 'alert|unexpected eof' greeting; }  # whoever is let in is listened to
  for name in alpha beta; do
    greet "$name" "$name"
    ! let_go || fail "$name does not let its own operator in: $(tail -n 20 greeting)"
  done
  greet alpha beta
  let_go || fail "beta lets a certificate of alpha in: $(tail -n 20 greeting)"
  greet beta alpha
  let_go || fail "alpha lets a certificate of beta in: $(tail -n 20 greeting)"
else
  echo "without openssl: no foreign certificate is tried"
fi
end_coordinator 2
for pid in $(jobs -p); do wait "$pid" || fail "a client failed: $(tail -n 2 alpha/*.log beta/*.log)"; done

# ---- Every log line is of one federation and speaks of no other.
! grep -vqE '"federation":"(alpha|beta)\.example"' coordinator.log ||
  fail "a line of nobody: $(grep -vE '"federation":"(alpha|beta)\.example"' coordinator.log)"
grep '"federation":"alpha.example"' coordinator.log >alpha.log
grep '"federation":"beta.example"' coordinator.log >beta.log
grep -q "$one" alpha.log && grep -q "$two" alpha.log && grep -q "$other" beta.log || fail "a run has no line"
! grep -qE "beta\.example|$other|/beta/" alpha.log || fail "alpha's log knows of beta"
! grep -qE "alpha\.example|$one|$two|/alpha/" beta.log || fail "beta's log knows of alpha"

# ---- No row and no file of one has anything of the other.
! grep -rqaE "beta\.example|$other" alpha || fail "of beta: $(grep -rlaE "beta\.example|$other" alpha)"
! grep -rqaE "alpha\.example|$one|$two" beta --exclude=shared.toml --exclude=broken.toml ||
  fail "of alpha: $(grep -rlaE "alpha\.example|$one|$two" beta)"
for name in alpha beta; do
  ! find "$name" -type l -o -type f -links +1 | grep -q . || fail "$name has links"
  veilsum-coordinator fsck --config "$(config "$name")" >"$name.fsck" || fail "$name: $(cat "$name.fsck")"
done
grep -q '2 runs' alpha.fsck || fail "alpha: $(cat alpha.fsck)"
grep -q '1 runs' beta.fsck || fail "beta: $(cat beta.fsck)"
echo "rounds before and after the restart: $(committed "$one"), $(committed "$two"), $(committed "$other")"
