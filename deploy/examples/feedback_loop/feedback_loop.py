#!/usr/bin/env python3
"""Train, release, serve, learn from what happened, again: three cycles on made shops.

  feedback_loop.py BIN OUT [--cycles 3] [--shops 3] [--visitors 150] [--growth 4] [--seed 1] [--rounds N]

BIN has veilsum, veilsum-coordinator and veilsum-client. First every shop makes random offers and notes who bought. Each
cycle then trains one private model over all shops' notes (`veilsum demo`), releases it, serves it at each shop
(`veilsum-client serve` from the shop's own store), asks it for the best offer for each new visitor over HTTP, makes that
offer but for one visitor in five who gets a random one, and posts what came of it as feedback, which the next
cycle trains on. OUT gets cycle_N/, rewards.json (with each release against the one before at every shop) and rewards.svg. Python's standard library only.

A visitor is in one cycle's notes and in the trainings of all later ones: the epsilons of those runs add up
(rewards.json has the sum).
"""

import argparse
import json
import math
import pathlib
import random
import shutil
import subprocess
import sys
import urllib.request

CATEGORIES = ["outdoor", "kitchen", "fashion", "electronics", "books", "garden", "toys", "music", "sports", "beauty"]
HEADER = ["user_id", "sessions", "liked", "offer", "liked_offer", "bought"]
EXPLORE = 0.2
BATCH = 500


class Market:
    """Who likes what: an affinity of each category's lovers to each offer, the same at every shop and hidden from all."""

    def __init__(self, seed):
        draw = random.Random(f"market {seed}")
        self.affinity = {a: {b: draw.gauss(0, 1.0) for b in CATEGORIES} for a in CATEGORIES}

    def visitor(self, draw, name):
        return {"user_id": name, "sessions": 1 + int(draw.expovariate(0.2)), "liked": draw.choice(CATEGORIES)}

    def chance(self, visitor, offer):
        z = -1.6 + 1.5 * self.affinity[visitor["liked"]][offer] + 0.3 * math.log(visitor["sessions"])
        return 1 / (1 + math.exp(-z))


def candidate(visitor, offer):
    return {**visitor, "offer": offer, "liked_offer": f"{visitor['liked']}/{offer}"}


class Shop:
    """A merchant's table of notes, in the form of the plan."""

    def __init__(self, folder):
        self.file = folder / "visits.csv"
        folder.mkdir(parents=True)
        self.file.write_text(",".join(HEADER) + "\n")

    def note(self, row):
        with self.file.open("a") as out:
            out.write(",".join(str(row[column]) for column in HEADER) + "\n")

    def take_feedback(self, file):
        lines = file.read_text().splitlines()
        places = [lines[0].split(",").index(column) for column in HEADER]
        with self.file.open("a") as out:
            for line in lines[1:]:
                fields = line.split(",")
                out.write(",".join(fields[place] for place in places) + "\n")


class Server:
    """`veilsum-client serve` of one shop's store."""

    def __init__(self, program, store, feedback):
        self.process = subprocess.Popen([program, "serve", "--store", store, "--port", "0", "--feedback", feedback],
                                        stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{program} serve did not start")
        self.url = "http://" + json.loads(line)["address"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()

    def ask(self, path, body):
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as reply:
            return json.load(reply)

    def best_offers(self, visitors):
        rows = [candidate(visitor, offer) for visitor in visitors for offer in CATEGORIES]
        answer = self.ask("/v1/recommend", {"rows": rows, "top": 1, "item": "offer"})
        best = {r["id"]: r["best"][0]["item"] for r in answer["recommendations"]}
        return [best[visitor["user_id"]] for visitor in visitors]


def train(options, plan, data, out, seed):
    command = [options.bin / "veilsum", "demo", "--data", data, "--plan", plan, "--out", out, "--seed", str(seed), "--json"]
    if options.rounds:
        command += ["--rounds", str(options.rounds)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"veilsum demo ended with {done.returncode}:\n{done.stderr[-2000:]}")
    report = json.loads(done.stdout)
    if not report["release"] or report["release"]["installed"] != options.shops:
        raise RuntimeError("the model was not released to every shop")
    return report


def serve(options, market, out, shop, seat, cycle, visitors):
    """Offers to new visitors of one shop; how many bought."""
    draw = random.Random(f"{options.seed} cycle {cycle} {seat}")
    bought = 0
    feedback = out / "feedback" / seat
    with Server(options.bin / "veilsum-client", out / "release" / "clients" / seat, feedback) as server:
        for first in range(0, visitors, BATCH):
            group = [market.visitor(draw, f"c{cycle}_{seat}_{i}") for i in range(first, min(first + BATCH, visitors))]
            rows = []
            for visitor, offer in zip(group, server.best_offers(group)):
                if draw.random() < EXPLORE:
                    offer = draw.choice(CATEGORIES)
                sold = int(draw.random() < market.chance(visitor, offer))
                bought += sold
                rows.append({**candidate(visitor, offer), "bought": sold})
            if server.ask("/v1/feedback", {"rows": rows}) != {"recorded": len(rows)}:
                raise RuntimeError("feedback was not recorded")
    shop.take_feedback(feedback / "visits.csv")
    return bought


def compare(options, seat, data, before, after):
    """The new release against the one before on a shop's hold-out, as the shop sees it."""
    command = [options.bin / "veilsum-client", "model", "compare", "--data", data]
    for flag, out in (("--old", before), ("--new", after)):
        command += [flag, next((out / "release").glob("*.veilmodel")), flag + "-key", out / "release" / "release.pub.pem"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{seat}: the releases cannot be compared")
    return json.loads(done.stdout)


def figure(rewards):
    """Mean reward with 95 % intervals by cycle, as SVG."""
    width, height, left, bottom = 520, 300, 60, 40
    top = max(r["mean"] + r["half_interval"] for r in rewards) * 1.1
    x = lambda i: left + (width - left - 30) * (i + 0.5) / len(rewards)
    y = lambda value: height - bottom - (height - bottom - 20) * value / top
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
             f'<rect width="{width}" height="{height}" fill="white"/>']
    for i in range(6):
        value = top * i / 5
        lines.append(f'<path d="M{left} {y(value):.1f}H{width - 20}" stroke="#ddd"/>'
                     f'<text x="{left - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.2f}</text>')
    points = " ".join(f"{x(i):.1f},{y(r['mean']):.1f}" for i, r in enumerate(rewards))
    lines.append(f'<polyline points="{points}" fill="none" stroke="#2457a6" stroke-width="2"/>')
    for i, r in enumerate(rewards):
        low, high = y(r["mean"] - r["half_interval"]), y(r["mean"] + r["half_interval"])
        lines.append(f'<path d="M{x(i):.1f} {low:.1f}V{high:.1f}" stroke="#2457a6"/><circle cx="{x(i):.1f}" cy="{y(r["mean"]):.1f}" '
                     f'r="4" fill="#2457a6"/><text x="{x(i):.1f}" y="{height - bottom + 18}" text-anchor="middle">{r["policy"]}</text>')
    lines.append(f'<text x="{left}" y="14">Mean reward: share of visitors who bought what was offered</text></svg>')
    return "\n".join(lines) + "\n"


def reward(policy, bought, visitors, runs):
    mean = bought / visitors
    return {"policy": policy, "mean": mean, "visitors": visitors,
            "half_interval": 1.96 * math.sqrt(mean * (1 - mean) / visitors), "epsilon_of_first_visitors": sum(runs)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bin", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--cycles", type=int, default=3)
    parser.add_argument("--shops", type=int, default=3)
    parser.add_argument("--visitors", type=int, default=150, help="of a shop before the first cycle")
    parser.add_argument("--growth", type=int, default=4, help="visitors of a cycle, times those of the one before")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, help="training rounds; the plan's without")
    options = parser.parse_args()
    options.bin = options.bin.resolve()
    plan = pathlib.Path(__file__).resolve().parent / "plan.toml"
    shutil.rmtree(options.out, ignore_errors=True)
    data = options.out / "data"
    market = Market(options.seed)
    seats = [f"shop_{i + 1}" for i in range(options.shops)]
    shops = {seat: Shop(data / "merchants" / seat) for seat in seats}
    (data / "manifest.json").write_text(json.dumps(
        {"dataset": "feedback_loop", "label": "bought what was offered", "synthetic": True, "merchants": {seat: {} for seat in seats}}))

    visitors, bought, epsilons = options.visitors, 0, []
    for seat in seats:
        draw = random.Random(f"{options.seed} random {seat}")
        for i in range(visitors):
            visitor = market.visitor(draw, f"c0_{seat}_{i}")
            row = candidate(visitor, draw.choice(CATEGORIES))
            row["bought"] = int(draw.random() < market.chance(visitor, row["offer"]))
            bought += row["bought"]
            shops[seat].note(row)
    rewards = [reward("random", bought, visitors * options.shops, epsilons)]
    for cycle in range(1, options.cycles + 1):
        out = options.out / f"cycle_{cycle}"
        epsilons.append(train(options, plan, data, out, options.seed + cycle)["privacy"]["epsilon"])
        against = {}
        if cycle > 1:
            before = options.out / f"cycle_{cycle - 1}"
            against = {seat: compare(options, seat, data / "merchants" / seat, before, out) for seat in seats}
        visitors *= options.growth
        bought = sum(serve(options, market, out, shops[seat], seat, cycle, visitors) for seat in seats)
        rewards.append(reward(f"release {cycle}", bought, visitors * options.shops, epsilons))
        rewards[-1]["against_previous"] = against
        print(f"{rewards[-1]['policy']}: mean reward {rewards[-1]['mean']:.3f} of {rewards[-1]['visitors']} visitors", flush=True)
    rising = all(a["mean"] < b["mean"] for a, b in zip(rewards, rewards[1:]))
    (options.out / "rewards.json").write_text(json.dumps({"synthetic": True, "rising": rising, "rewards": rewards}, indent=1) + "\n")
    (options.out / "rewards.svg").write_text(figure(rewards))
    print(f"random: {rewards[0]['mean']:.3f}; {options.out / 'rewards.svg'}")
    return 0 if rising else 1


if __name__ == "__main__":
    sys.exit(main())
