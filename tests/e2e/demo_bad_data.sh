#!/usr/bin/env bash
# Each kind of broken merchant file: exit 2, and a message with file and line; nothing is trained.
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

# A good folder to break: the shops that a demo generates. One short run makes them.
"$program" demo --merchants 3 --rounds 1 --out "$work/out" >/dev/null 2>"$work/stderr" || { cat "$work/stderr" >&2; fail "no shops"; }
cp -r -- "$work/out/data" "$work/good"

# break_and_expect NAME FILE SED-SCRIPT PATTERN
break_and_expect() {
  local name=$1 file=$2 script=$3 pattern=$4 code=0
  rm -rf -- "$work/data"
  cp -r -- "$work/good" "$work/data"
  sed -i "$script" "$work/data/merchants/shop_2/$file"
  "$program" demo --data "$work/data" --rounds 1 --out "$work/out" --json >"$work/stdout" 2>"$work/stderr" || code=$?
  [ "$code" = 2 ] || { cat "$work/stderr" >&2; fail "$name: exit $code, not 2"; }
  [ ! -s "$work/stdout" ] || fail "$name: something on stdout"
  grep -qE -- "$pattern" "$work/stderr" || { cat "$work/stderr" >&2; fail "$name: the message is not as expected"; }
  expect_nothing_left
}

break_and_expect 'text in a number' browsing.csv '17s/,[0-9]*,/,many,/' 'browsing\.csv:17:'
break_and_expect 'not a number' purchases.csv '9s/,[0-9]*,/,nan,/' 'purchases\.csv:9: .*not a finite number'
break_and_expect 'a row with a field too few' searches.csv '5s/,[^,]*$//' 'searches\.csv:5:'
break_and_expect 'a missing column' browsing.csv '1s/,sessions//' 'browsing\.csv:1: .*sessions is missing'
break_and_expect 'an empty file' labels.csv 'd' 'labels\.csv:1: the file is empty'
break_and_expect 'a header and no row' labels.csv '2,$d' 'labels\.csv:1:'
break_and_expect 'a quote that is never closed' searches.csv '12s/,[^,]*$/,"open/' 'searches\.csv:12:'
