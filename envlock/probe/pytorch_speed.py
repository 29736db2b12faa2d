"""Rates of a GPU in PyTorch, all GPUs together, and the compiler."""

from __future__ import annotations

import time
from typing import Any

import torch
from torch.nn import functional

from . import numbers, samples
from .pytorch_models import build_network, put_examples

SIDE = 8192
COPIED = 1 << 30
SENT = 1 << 26
TIMES = 20


def measure_rate(measure: str, device: Any) -> float:
    """Measure a second's operations of a bf16 product, or bytes that a copy reads and writes."""
    if measure == "bf16-matmul":
        left, right = (
            torch.randn(SIDE, SIDE, device=device, dtype=torch.bfloat16) for _ in range(2)
        )
        out = torch.empty_like(left)
        return 2 * SIDE**3 / time_on_device(lambda: torch.mm(left, right, out=out), device)
    source = torch.ones(COPIED, device=device, dtype=torch.uint8)
    target = torch.empty_like(source)
    return 2 * COPIED / time_on_device(lambda: target.copy_(source), device)


def time_on_device(do: Any, device: Any) -> float:
    """Seconds of one go, by the device's own clock, after some to warm up."""
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    for _ in range(3):
        do()
    torch.cuda.synchronize(device)
    start.record()
    for _ in range(TIMES):
        do()
    end.record()
    torch.cuda.synchronize(device)
    return float(start.elapsed_time(end)) / 1e3 / TIMES


def add_up_everywhere() -> dict[str, Any]:
    """Give each GPU its own number in a large buffer, and let NCCL add the buffers up."""
    gpus = torch.cuda.device_count()
    held = [torch.full((SENT,), float(index + 1), device=index) for index in range(gpus)]
    added = [torch.empty_like(each) for each in held]

    def go() -> None:
        torch.cuda.nccl.all_reduce(held, outputs=added)

    def wait() -> None:
        for index in range(gpus):
            torch.cuda.synchronize(index)

    go()
    wait()
    expected = gpus * (gpus + 1) / 2
    error = max(float((each - expected).abs().max()) / expected for each in added)
    started = time.perf_counter()
    for _ in range(TIMES):
        go()
    wait()
    seconds = (time.perf_counter() - started) / TIMES
    moved = held[0].numel() * held[0].element_size()
    return {
        "gpus": gpus,
        "relative_error": error,
        "bytes_per_second": 2 * (gpus - 1) / gpus * moved / seconds,
    }


def compare_compiled(device: Any, seed: int) -> dict[str, Any]:
    """Loss and every gradient of one step, with the compiler and without it."""
    torch.manual_seed(seed)
    network = build_network("cnn-sgd").to(device)
    made = samples.generate_pictures(seed, learn=64, held_out=1)
    pictures, labels = put_examples(made.learn, made.learn_labels, made.shape, device)

    def step(run: Any) -> list[Any]:
        network.zero_grad(set_to_none=True)
        loss = functional.cross_entropy(run(pictures), labels)
        loss.backward()
        return [loss.detach(), *[each.grad.clone() for each in network.parameters()]]

    plain = step(network)
    started = time.perf_counter()
    compiled = step(torch.compile(network))
    seconds = time.perf_counter() - started
    errors = [
        numbers.relative_error(found.flatten().tolist(), right.flatten().tolist())
        for found, right in zip(compiled, plain)
    ]
    return {"relative_error": max(errors), "seconds": seconds}
