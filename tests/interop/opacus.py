#!/usr/bin/env python3
"""opacus.py TRAIN_BENCH FOLDER: the private training step against Opacus, on the same nets and batches.

Rows a second of CPU time, one thread: ours from TRAIN_BENCH (forward, backward, norms, clip, integer encode), theirs of a step
with forward, loss, backward, clip and the sum of the clipped gradients, in its default mode (materialised per-example gradients)
and in its ghost mode. Neither adds noise nor updates the model. One after another in three alternating rounds, best of each.
Prints one JSON line a ratio and exits with 1 where a ratio is below its target, with 77 (skipped) where the packages (5 GB) cannot
be installed from PyPI. VEILSUM_OPACUS_PYTHON names a Python that has them already.
"""
import json
import os
import pathlib
import subprocess
import sys

PACKAGES = ["torch==2.5.1", "opacus==1.5.3", "numpy<3"]
TARGETS = {("small", "default"): 40.0, ("small", "ghost"): 4.0}
BATCHES = (256, 1024)
ROUNDS = 3
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

# Runs in the other interpreter: NET BATCH; prints {"default": rows/s, "ghost": rows/s, "nonprivate": rows/s}
THEIRS = r"""
import json, sys, time, warnings
warnings.filterwarnings("ignore")
import torch
from opacus.grad_sample import GradSampleModule, GradSampleModuleFastGradientClipping
from opacus.optimizers import DPOptimizer, DPOptimizerFastGradientClipping
from opacus.utils.fast_gradient_clipping_utils import DPLossFastGradientClipping

torch.set_num_threads(1)
WIDTHS = {"small": [64, 128, 64, 32, 1], "large": [512, 1024, 512, 256, 1]}[sys.argv[1]]
batch = int(sys.argv[2])


def net():
    torch.manual_seed(8)
    layers = []
    for i, (a, b) in enumerate(zip(WIDTHS, WIDTHS[1:])):
        layers += [torch.nn.Linear(a, b)] + ([torch.nn.ReLU()] if i + 2 < len(WIDTHS) else [])
    return torch.nn.Sequential(*layers)


torch.manual_seed(7)
x, y = torch.rand(batch, WIDTHS[0]) * 2 - 1, torch.randint(0, 2, (batch, 1)).float()
loss_of = torch.nn.BCEWithLogitsLoss(reduction="sum")


def nonprivate():
    model = net()

    def step():
        model.zero_grad(set_to_none=True)
        loss_of(model(x), y).backward()
    return step


def default():
    model = GradSampleModule(net(), loss_reduction="sum")
    optimizer = DPOptimizer(torch.optim.SGD(model.parameters(), lr=0.0), noise_multiplier=0.0, max_grad_norm=1.0,
                            expected_batch_size=batch, loss_reduction="sum")

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss_of(model(x), y).backward()
        optimizer.clip_and_accumulate()
    return step


def ghost():
    model = GradSampleModuleFastGradientClipping(net(), max_grad_norm=1.0, use_ghost_clipping=True, loss_reduction="sum")
    optimizer = DPOptimizerFastGradientClipping(torch.optim.SGD(model.parameters(), lr=0.0), noise_multiplier=0.0,
                                                max_grad_norm=1.0, expected_batch_size=batch, loss_reduction="sum")
    criterion = DPLossFastGradientClipping(model, optimizer, loss_of, loss_reduction="sum")

    def step():
        optimizer.zero_grad(set_to_none=True)
        criterion(model(x), y).backward()
    return step


def rows_a_second(step):
    for _ in range(3):
        step()
    best = float("inf")
    for _ in range(5):
        start, steps = time.process_time(), 0
        while time.process_time() - start < 0.3:
            step()
            steps += 1
        best = min(best, (time.process_time() - start) / steps)
    return batch / best


print(json.dumps({mode.__name__: rows_a_second(mode()) for mode in (nonprivate, default, ghost)}))
"""


def python_with_packages(folder):
    given = os.environ.get("VEILSUM_OPACUS_PYTHON")
    if given:
        return given
    python = folder / "opacus_venv" / "bin" / "python"
    try:
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", str(folder / "opacus_venv")], check=True, capture_output=True, timeout=120)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES], check=True,
                       capture_output=True, timeout=1500)
    except (OSError, subprocess.SubprocessError) as error:
        print(f"SKIPPED: {PACKAGES} cannot be installed here: {error}")
        sys.exit(77)
    return str(python)


def ours(bench, net, batch):
    name = f"train/private_rows/{net}/{batch}"
    out = subprocess.run([bench, name], check=True, capture_output=True, text=True).stdout
    return next(line["value"] for line in map(json.loads, out.splitlines()) if line["name"] == name)


def theirs(python, net, batch):
    out = subprocess.run([python, "-c", THEIRS, net, str(batch)], check=True, capture_output=True, text=True,
                         env={**os.environ, **ONE_THREAD}).stdout
    return json.loads(out.splitlines()[-1])


def main():
    bench, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    python = python_with_packages(folder)
    failed = False
    for net in ("small", "large"):
        for batch in BATCHES:
            rounds = [(ours(bench, net, batch), theirs(python, net, batch)) for _ in range(ROUNDS)]
            best_of_ours = max(mine for mine, _ in rounds)
            for mode in ("default", "ghost", "nonprivate"):
                ratio = best_of_ours / max(other[mode] for _, other in rounds)
                target = TARGETS.get((net, mode)) if batch >= 1024 else None
                failed |= target is not None and ratio < target
                print(json.dumps({"name": f"train/private_vs_opacus_{mode}/{net}/{batch}", "value": round(ratio, 2), "unit": "ratio",
                                  **({"target": target} if target else {})}), flush=True)
    sys.exit(1 if failed else 0)


main()
