#!/usr/bin/env python3
"""sequences.py VEILSUM EXAMPLE FOLDER: models with a sequence encoder in onnxruntime.

Trains a few steps of the plan in EXAMPLE (deploy/examples/event_order), once with each encoder, and asks whether onnxruntime, on
the rows that docs/formats.md describes for selftest.json, gives the logits in it, for float32 and as far as they go for the
smaller variants. Exits with 77 (skipped) where the packages cannot be installed from PyPI.
"""
import json
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from release import python_with_packages  # noqa: E402

# Runs in the other interpreter: PACKAGE
THEIRS = r"""
import json, pathlib, sys
import numpy as np, onnxruntime

package = pathlib.Path(sys.argv[1])
expected = [float(x) for x in json.loads((package / "selftest.json").read_text())["logits"]]
[feature] = json.loads((package / "preprocess.json").read_text())["features"]


def place(row, kind, i):
    h = 0xcbf29ce484222325
    for byte in f"{kind}/{row}/{i}".encode():
        h = (h ^ byte) * 0x100000001b3 % 2**64
    return ((h ^ (h >> 32)) * 0x9e3779b97f4a7c15 % 2**64) >> 16


slots, buckets = feature["slots"], feature["buckets"]
used = [[slot < 1 + row for slot in range(slots)] for row in range(len(expected))]
ids = np.array([[place(r, "list0", s) % buckets if u else 0 for s, u in enumerate(row)] for r, row in enumerate(used)], np.int64)
weights = np.array([[0.25 if u else 0 for u in row] for row in used], np.float32)
assert len({tuple(row) for row in ids.tolist()}) > 2
largest = {}
for file in sorted(package.rglob("*.onnx")):
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    logits = session.run(["logits"], {"list0.ids": ids, "list0.weights": weights})[0][:, 0]
    largest[str(file.relative_to(package))] = float(np.max(np.abs(logits - np.array(expected))))
print(largest)
assert largest["model.onnx"] <= 1e-5, largest
assert len(largest) == 3 and max(largest.values()) <= 0.1, largest
assert np.std(expected) > 1e-3
"""


def main():
    veilsum, example, folder = (pathlib.Path(a).resolve() for a in sys.argv[1:4])
    folder.mkdir(parents=True, exist_ok=True)
    python = python_with_packages(folder)
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        subprocess.run([str(example / "make_shops.sh"), str(work / "shops"), "400", "4"], check=True)
        text = (example / "plan.toml").read_text()
        gru = re.sub(r"(?m)^kernel = .*\n", "", re.sub(r"(?m)^encoder = .*", 'encoder = "gru"', text))
        for name, plan in (("convolution", text), ("gru", gru)):
            (work / f"{name}.toml").write_text(plan)
            out = work / name
            subprocess.run([str(veilsum), "demo", "--data", str(work / "shops"), "--plan", str(work / f"{name}.toml"), "--rounds", "20",
                            "--out", str(out)], check=True, capture_output=True, timeout=300)
            package = out / json.loads((out / "report.json").read_text())["release"]["folder"]
            print(name, end=": ", flush=True)
            if subprocess.run([python, "-c", THEIRS, str(package)], timeout=300).returncode != 0:
                sys.exit(f"FAIL {name}")


if __name__ == "__main__":
    main()
