#!/usr/bin/env python3
"""dp_accounting.py VEILSUM FOLDER: `veilsum dp` against Google's dp-accounting, installed from PyPI into a virtual environment in FOLDER.

Exits with 77 (skipped) where it cannot be installed. VEILSUM_DP_ACCOUNTING names a Python that has it already.
"""
import json
import os
import pathlib
import subprocess
import sys

PACKAGE = "dp-accounting==0.6.0"


def python_with_package(folder):
    given = os.environ.get("VEILSUM_DP_ACCOUNTING")
    if given:
        return given
    python = folder / "venv" / "bin" / "python"
    try:
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True, capture_output=True, timeout=120)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", PACKAGE], check=True,
                       capture_output=True, timeout=600)
    except (OSError, subprocess.SubprocessError) as error:
        print(f"SKIPPED: {PACKAGE} cannot be installed here: {error}")
        sys.exit(77)
    return str(python)


# Runs in the other interpreter: settings on stdin, epsilons on stdout.
THEIRS = r"""
import json, sys
import dp_accounting
from dp_accounting import pld, rdp
answers = []
for s in json.load(sys.stdin):
    relation = dp_accounting.NeighboringRelation.REPLACE_ONE if s["neighbouring"] == "replace-one" else dp_accounting.NeighboringRelation.ADD_OR_REMOVE_ONE
    def event(q, z):
        gaussian = dp_accounting.GaussianDpEvent(z)
        return gaussian if q == 1 else dp_accounting.PoissonSampledDpEvent(q, gaussian)
    if s["mechanism"] == "laplace":
        step = dp_accounting.LaplaceDpEvent(s["z"])
    else:
        step = event(s["q"], s["z"])
    composed = dp_accounting.SelfComposedDpEvent(step, s["steps"])
    if s["accountant"] == "pld":
        accountant = pld.PLDAccountant(relation, value_discretization_interval=s["h"])
    else:
        accountant = rdp.RdpAccountant(list(range(2, 129)) + [160, 192, 256, 320, 384, 512], relation)
    accountant.compose(composed)
    answers.append(accountant.get_epsilon(s["delta"]))
print(json.dumps(answers))
"""

# mechanism, accountant, neighbouring, q, z, steps, delta, h, relative tolerance below and above. Their numbers are upper bounds on
# their own grid; of the Renyi ones ours, over more orders, may be lower.
CASES = [
    ("gaussian", "pld", "add-remove", 0.01, 1.0, 1000, 1e-5, 1e-4, 1e-3, 1e-3),
    ("gaussian", "pld", "add-remove", 0.05, 2.0, 500, 1e-6, 1e-4, 1e-3, 1e-3),
    ("gaussian", "pld", "add-remove", 0.001, 0.7, 5000, 1e-6, 1e-4, 1e-3, 1e-3),
    ("gaussian", "pld", "add-remove", 1.0, 3.0, 7, 1e-6, 1e-4, 1e-3, 1e-3),
    ("gaussian", "pld", "replace-one", 0.02, 1.5, 300, 1e-6, 1e-4, 1e-3, 1e-3),
    ("laplace", "pld", "add-remove", 1.0, 4.0, 50, 1e-6, 1e-4, 1e-3, 1e-3),
    ("discrete-gaussian", "rdp", "add-remove", 0.02, 1.2, 800, 1e-6, 0, 1e-6, 1e-6),
    ("gaussian", "rdp", "add-remove", 0.02, 1.2, 800, 1e-6, 0, 2e-2, 1e-6),
]


def ours(veilsum, case):
    mechanism, accountant, neighbouring, q, z, steps, delta = case[:7]
    answer = subprocess.run(
        [veilsum, "dp", "epsilon", "--json", "--mechanism", mechanism, "--accountant", accountant, "--neighbouring", neighbouring,
         "--sampling-rate", repr(q), "--noise-multiplier", repr(z), "--steps", str(steps), "--delta", repr(delta)],
        check=True, capture_output=True, text=True)
    return json.loads(answer.stdout)["epsilon"]


def main():
    veilsum, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    python = python_with_package(folder)
    settings = [dict(zip(("mechanism", "accountant", "neighbouring", "q", "z", "steps", "delta", "h"), case)) for case in CASES]
    answer = subprocess.run([python, "-c", THEIRS], input=json.dumps(settings), capture_output=True, text=True)
    if answer.returncode != 0:
        sys.exit(f"dp-accounting failed:\n{answer.stderr}")
    failed = False
    for case, theirs in zip(CASES, json.loads(answer.stdout)):
        mine = ours(veilsum, case)
        good = theirs * (1 - case[8]) <= mine <= theirs * (1 + case[9])
        failed |= not good
        print(f"{'ok  ' if good else 'FAIL'} {case[:7]}: ours {mine:.9g}, dp-accounting {theirs:.9g}, relative {mine / theirs - 1:+.2e}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
