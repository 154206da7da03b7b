#!/usr/bin/env python3
"""release.py VEILSUM VEILSUM_CLIENT DATA FOLDER: a released model in other people's programs.

Trains a few steps on DATA (a data set of numeric and categorical columns), makes a release, and asks: does onnxruntime give the
logits of `veilsum-client predict`, with features computed here from preprocess.json; does safetensors load the weights; does the
OpenSSF's model_signing accept the signature, and refuse a changed file. Exits with 77 (skipped) where DATA is not there or the
packages cannot be installed from PyPI. VEILSUM_RELEASE_PYTHON names a Python that has them already.
"""
import os
import pathlib
import shutil
import subprocess
import sys

PACKAGES = ["onnxruntime==1.31.1", "safetensors==0.8.0", "numpy==2.4.6", "model-signing==1.1.1", "pyopenssl"]


def python_with_packages(folder):
    given = os.environ.get("VEILSUM_RELEASE_PYTHON")
    if given:
        return given
    python = folder / "release_venv" / "bin" / "python"
    try:
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", str(folder / "release_venv")], check=True, capture_output=True, timeout=120)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES], check=True,
                       capture_output=True, timeout=900)
    except (OSError, subprocess.SubprocessError) as error:
        print(f"SKIPPED: {PACKAGES} cannot be installed here: {error}")
        sys.exit(77)
    return str(python)


# Runs in the other interpreter: PACKAGE ROWS.csv PREDICTIONS.jsonl
THEIRS = r"""
import csv, json, math, pathlib, sys
import numpy as np, onnxruntime, safetensors.numpy

package, rows_file, predictions_file = (pathlib.Path(a) for a in sys.argv[1:4])
preprocess = json.loads((package / "preprocess.json").read_text())
rows = list(csv.DictReader(open(rows_file, newline="", encoding="utf-8")))
predictions = [json.loads(line) for line in open(predictions_file)]
assert len(rows) == len(predictions) > 100, (len(rows), len(predictions))


def fnv1a64(data):
    h = 0xcbf29ce484222325
    for byte in data:
        h = (h ^ byte) * 0x100000001b3 % 2**64
    return h


def numeric(feature, text):
    level = (lambda x: math.copysign(math.log1p(abs(x)), x)) if feature["log"] else (lambda x: x)
    lo, hi = float(feature["lo"]), float(feature["hi"])
    return 2 * (level(min(max(float(text), lo), hi)) - level(lo)) / (level(hi) - level(lo)) - 1


inputs = {"numeric": [], "active": []}
for row in rows:
    one = {"numeric": [], "active": []}
    for feature in preprocess["features"]:
        column = feature["column"].split(".", 1)[1]
        if feature["kind"] == "numeric":
            one["numeric"].append(numeric(feature, row[column]))
        else:
            one["active"].append(feature["first"] + fnv1a64(f"{column}={row[column]}".encode()) % feature["buckets"])
    for name in inputs:
        inputs[name].append(one[name])
feed = {"numeric": np.array(inputs["numeric"], np.float32), "active": np.array(inputs["active"], np.int64)}
ours = np.array([p["logit"] for p in predictions])
manifest = json.loads((package / "manifest.json").read_text())
failed = False
for name, path, bound in [("fp32", "model.onnx", 1e-5), ("fp16", "variants/fp16/model.onnx", 0.05), ("int8", "variants/int8/model.onnx", 0.5)]:
    session = onnxruntime.InferenceSession(package / path, providers=["CPUExecutionProvider"])
    wanted = {i.name: feed[i.name] for i in session.get_inputs()}
    logits, probability = session.run(["logits", "probability"], wanted)
    worst = float(np.abs(logits[:, 0] - ours).max())
    failed |= not worst <= bound
    print(f"{'ok  ' if worst <= bound else 'FAIL'} onnxruntime {onnxruntime.__version__}, {name}: {len(rows)} rows, largest logit difference {worst:.2e}")
tensors = safetensors.numpy.load_file(package / "model.safetensors")
shapes = {name: tensor.shape for name, tensor in tensors.items()}
good = "layers.0.weight" in shapes and all(np.isfinite(t).all() for t in tensors.values())
failed |= not good
print(f"{'ok  ' if good else 'FAIL'} safetensors: {len(shapes)} tensors")
sys.exit(1 if failed else 0)
"""


def main():
    veilsum, client, data, folder = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3]), pathlib.Path(sys.argv[4])
    shared = os.environ.get("VEILSUM_SHARED")
    if shared:
        data = pathlib.Path(shared) / "data" / data.name
    if not data.is_dir():
        print(f"SKIPPED: {data} is not here; set VEILSUM_SHARED")
        sys.exit(77)
    folder.mkdir(parents=True, exist_ok=True)
    python = python_with_packages(folder)
    run, package, key = folder / "release_run", folder / "release_package", folder / "release_key"
    for old in (run, package):
        shutil.rmtree(old, ignore_errors=True)
    for old in (key, pathlib.Path(str(key) + ".pub.pem")):
        old.unlink(missing_ok=True)
    subprocess.run([veilsum, "demo", "--data", data, "--rounds", "4", "--out", run], check=True, capture_output=True)
    subprocess.run([veilsum, "release", "keygen", key], check=True)
    subprocess.run([veilsum, "release", "create", "--run-dir", run, "--out", package, "--key", key, "--model-id", "shoppers",
                    "--release-version", "1.0.0", "--federation", "demo.veilsum"], check=True)
    rows = sorted((data / "merchants").iterdir())[0] / "browsing.csv"
    public = str(key) + ".pub.pem"
    predictions = folder / "release_predictions.jsonl"
    with open(predictions, "wb") as out:
        subprocess.run([client, "predict", "--package", package, "--key", public, "--data", rows, "--json"], check=True, stdout=out)
    failed = subprocess.run([python, "-c", THEIRS, package, rows, predictions]).returncode != 0
    signing = [python, "-m", "model_signing", "verify", "key", package, "--public_key", public, "--signature", package / "model.sig"]
    accepted = subprocess.run(signing, capture_output=True, text=True)
    print("ok   model_signing accepts model.sig" if accepted.returncode == 0 else f"FAIL model_signing: {accepted.stdout}{accepted.stderr}")
    (package / "card.cdx.json").write_text("{}")
    refused = subprocess.run(signing, capture_output=True).returncode != 0
    print("ok   model_signing refuses a changed file" if refused else "FAIL model_signing accepts a changed file")
    sys.exit(1 if failed or accepted.returncode != 0 or not refused else 0)


if __name__ == "__main__":
    main()
