#!/bin/sh
# Shops whose customers' next step depends on the order of their last events, not on their number.
#   make_shops.sh OUT [CUSTOMERS] [SHOPS]     OUT/manifest.json, OUT/merchants/shop_N/{events,questions}.csv
# Everything is made: nobody's data. The same every time.
set -eu
out=${1:?make_shops.sh OUT [CUSTOMERS] [SHOPS]} customers=${2:-1500} shops=${3:-4}
mkdir -p "$out"
{
  printf '{"dataset":"event_order","label":"buys","categorical":["action"],"merchants":{'
  n=1
  while [ "$n" -le "$shops" ]; do
    [ "$n" = 1 ] || printf ','
    printf '"shop_%d":{"events":%d,"questions":%d}' "$n" "$customers" "$customers"
    n=$((n + 1))
  done
  printf '}}\n'
} >"$out/manifest.json"
n=1
while [ "$n" -le "$shops" ]; do
  folder=$out/merchants/shop_$n
  mkdir -p "$folder"
  # A customer who put something into the cart and did not take it out again afterwards buys; one in twenty does otherwise.
  awk -v shop="$n" -v customers="$customers" -v events="$folder/events.csv" -v questions="$folder/questions.csv" '
    function draw() { state = (state * 16807) % 2147483647; return state / 2147483647 }
    BEGIN {
      state = 1000 + shop
      for (i = 0; i < 20; ++i) draw()
      split("view search compare review help wish cart remove cart remove", actions, " ")
      print "user_id,at,action" >events
      print "user_id,asked,buys" >questions
      for (u = 1; u <= customers; ++u) {
        id = "s" shop "c" u
        count = 4 + int(draw() * 9)
        holds = 0
        for (t = 1; t <= count; ++t) {
          action = actions[1 + int(draw() * 10)]
          if (action == "cart") holds = 1
          if (action == "remove") holds = 0
          print id "," 1700000000 + 60 * t "," action >events
        }
        if (draw() < 0.05) holds = 1 - holds
        print id "," 1700100000 "," holds >questions
      }
    }'
  n=$((n + 1))
done
