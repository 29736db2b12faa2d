"""What the harness of `envlock verify` costs over a bare training loop, as ratios, in one run.

usage: python benchmarks/verify.py --python EXE [--runs N]

EXE is a Python that has PyTorch. In turn, each time in a fresh process, the two networks of level
`train` are trained on the CPU with the same examples, batches, seed and threads:

- by the probe, run as `envlock verify` runs it: isolated, watched for time, memory and processes,
  its losses told a few times a second;
- by a plain loop, as a tutorial has it, that does nothing else.

Compared are the seconds of the loops alone. The machine may be noisy: read the ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping
from importlib import resources

from envlock.backends.probe_runner import ChildRunner
from envlock.model.outcome import Level
from envlock.model.probe import ProbeRequest, TrainingLine

MODELS = ("cnn-sgd", "cnn-adam")
SEED = 1
BARE = """
import importlib, importlib.util, json, sys, time
folder, model, seed, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
spec = importlib.util.spec_from_file_location("verify", folder + "/verify.py")
verify = importlib.util.module_from_spec(spec)
spec.loader.exec_module(verify)
verify.load_folder()
session = importlib.import_module(verify.PACKAGE + ".session")
session._set_environment(threads)
import torch
samples = importlib.import_module(verify.PACKAGE + ".samples")
models = importlib.import_module(verify.PACKAGE + ".pytorch_models")
torch.set_num_threads(threads)
torch.use_deterministic_algorithms(True, warn_only=True)
torch.manual_seed(seed)
examples = samples.generate_pictures(seed)
data, labels = models.put_examples(examples.learn, examples.learn_labels, examples.shape, "cpu")
steps = session.STEPS[model]
batches = torch.tensor(samples.draw_batches(len(labels), steps, session.BATCH, seed))
network = models.build_network(model)
optimiser = models.build_optimiser(model, network)
criterion = torch.nn.CrossEntropyLoss()
started = time.perf_counter()
for batch in batches:
    optimiser.zero_grad(set_to_none=True)
    loss = criterion(network(data[batch]), labels[batch])
    loss.backward()
    optimiser.step()
print(json.dumps(time.perf_counter() - started))
"""


class Nobody:
    """Hears a probe and does nothing."""

    def heard(self, framework: str, line: object) -> None:
        """Do nothing."""


def by_the_probe(python: str, threads: int) -> Mapping[str, float]:
    """Return the seconds of each loop under the harness."""
    request = ProbeRequest(
        framework="pytorch", level=Level.TRAIN, device="cpu", seed=SEED, threads=threads
    )
    run = ChildRunner(os.environ).probe(python, request, Nobody())
    found = {line.model: line.seconds for line in run.lines if isinstance(line, TrainingLine)}
    if set(found) != set(MODELS):
        sys.exit(f"the probe did not train: {run.said or run.lines[-1]}")
    return found


def by_a_bare_loop(python: str, model: str, threads: int) -> float:
    """Return the seconds of a loop without a harness."""
    folder = str(resources.files("envlock.probe"))
    done = subprocess.run(
        [python, "-I", "-B", "-c", BARE, folder, model, str(SEED), str(threads)],
        check=True,
        capture_output=True,
        text=True,
    )
    return float(json.loads(done.stdout))


def main() -> None:
    """Time all in turn, and print the ratios of the medians."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--python", required=True, metavar="EXE", help="a Python with PyTorch")
    parser.add_argument("--runs", type=int, default=7, metavar="N")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, metavar="N")
    arguments = parser.parse_args()
    bare: dict[str, list[float]] = {model: [] for model in MODELS}
    probed: dict[str, list[float]] = {model: [] for model in MODELS}
    for _ in range(arguments.runs):
        for model, seconds in by_the_probe(arguments.python, arguments.threads).items():
            probed[model].append(seconds)
        for model in MODELS:
            bare[model].append(by_a_bare_loop(arguments.python, model, arguments.threads))
    for model in MODELS:
        ours, theirs = statistics.median(probed[model]), statistics.median(bare[model])
        least = min(probed[model]) / min(bare[model])
        print(
            f"{model}: harness {ours:.2f} s, bare loop {theirs:.2f} s, "
            f"ratio of medians {ours / theirs:.3f}, of the fastest {least:.3f}"
        )


if __name__ == "__main__":
    main()
