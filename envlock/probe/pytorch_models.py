"""The networks in PyTorch, and one of them in training."""

from __future__ import annotations

import warnings
from array import array
from typing import Any

import torch
from torch import nn

from . import samples
from .training import process_peak

WIDTH, HEADS = 64, 4


class Recurrent(nn.Module):
    """An LSTM over tokens; its last state says the class."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(samples.TOKENS, 32)
        self.lstm = nn.LSTM(32, WIDTH, batch_first=True)
        self.head = nn.Linear(WIDTH, samples.CLASSES)

    def forward(self, tokens: Any) -> Any:
        """Give the logits."""
        states, _ = self.lstm(self.embedding(tokens))
        return self.head(states.amax(dim=1))


class Block(nn.Module):
    """One layer of a transformer, its attention written out: the same product on every device."""

    def __init__(self) -> None:
        super().__init__()
        self.before_attention = nn.LayerNorm(WIDTH)
        self.attention = nn.Linear(WIDTH, 3 * WIDTH)
        self.mix = nn.Linear(WIDTH, WIDTH)
        self.before_dense = nn.LayerNorm(WIDTH)
        self.dense = nn.Sequential(
            nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH)
        )

    def forward(self, x: Any) -> Any:
        """Add what attention and the dense layers say."""
        batch, length, _ = x.shape
        parts = self.attention(self.before_attention(x)).view(batch, length, 3, HEADS, -1)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        scores = query @ key.transpose(-1, -2) * (WIDTH // HEADS) ** -0.5
        seen = (scores.softmax(dim=-1) @ value).transpose(1, 2).reshape(batch, length, WIDTH)
        x = x + self.mix(seen)
        return x + self.dense(self.before_dense(x))


class Transformer(nn.Module):
    """Two layers over tokens and learned places; the largest of all places says the class."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(samples.TOKENS, WIDTH)
        self.places = nn.Parameter(torch.randn(samples.LENGTH, WIDTH) * 0.1)
        self.blocks = nn.Sequential(Block(), Block())
        self.head = nn.Linear(WIDTH, samples.CLASSES)

    def forward(self, tokens: Any) -> Any:
        """Give the logits."""
        return self.head(self.blocks(self.embedding(tokens) + self.places).amax(dim=1))


def build_network(model: str) -> Any:
    """Build one network on the CPU, its weights drawn from the seed in force."""
    if model == "cnn-sgd":
        return nn.Sequential(
            *(nn.Conv2d(3, 6, 5), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
            *(nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU()),
            nn.Linear(84, samples.CLASSES),
        )
    if model == "cnn-adam":
        return nn.Sequential(
            *(nn.Conv2d(3, 32, 3), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(64, 64, 3), nn.ReLU(), nn.Flatten()),
            *(nn.Linear(1024, 64), nn.ReLU(), nn.Linear(64, samples.CLASSES)),
        )
    return {"rnn": Recurrent, "transformer": Transformer}[model]()


def build_optimiser(model: str, network: Any) -> Any:
    """Build what moves the weights."""
    if model == "cnn-sgd":
        return torch.optim.SGD(network.parameters(), lr=0.001, momentum=0.9)
    return torch.optim.Adam(network.parameters(), lr=0.001 if model == "cnn-adam" else 0.003)


def put_examples(content: bytes, labels: Any, shape: Any, device: Any) -> tuple[Any, Any]:
    """Put examples on a device: pictures around 0, tokens as whole numbers."""
    data = torch.frombuffer(bytearray(content), dtype=torch.uint8).reshape(-1, *shape).to(device)
    data = data.long() if len(shape) == 1 else (data.float() - 128) / 32
    return data, torch.tensor(labels, device=device)


class TorchTrainee:
    """A network in training; see `Trainee`."""

    def __init__(
        self,
        model: str,
        examples: samples.Examples,
        batches: list[list[int]],
        device: Any,
        named: dict[str, Any],
    ) -> None:
        shape = examples.shape
        self._device, self._named = device, named
        self._learn = put_examples(examples.learn, examples.learn_labels, shape, device)
        self._held = put_examples(examples.held_out, examples.held_out_labels, shape, device)
        self._batches = torch.tensor(batches, device=device)
        self._network = build_network(model).to(device)
        self._optimiser = build_optimiser(model, self._network)
        self._loss = nn.CrossEntropyLoss()
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)

    is_deterministic = True
    """Deterministic algorithms are in force, and an operation that has none raises."""

    def step(self, number: int) -> Any:
        """Take one step."""
        taken = self._batches[number % len(self._batches)]
        pictures, labels = self._learn
        self._optimiser.zero_grad(set_to_none=True)
        loss = self._loss(self._network(pictures[taken]), labels[taken])
        loss.backward()
        self._optimiser.step()
        return loss.detach()

    def losses(self, some: list[Any]) -> list[float]:
        """Fetch losses."""
        return [float(each) for each in torch.stack(some).tolist()]

    def accuracy(self) -> float:
        """Try it on the held-out examples."""
        data, labels = self._held
        right = 0
        with torch.no_grad():
            for part, true in zip(data.split(500), labels.split(500)):
                right += int((self._network(part).argmax(dim=1) == true).sum())
        return right / len(labels)

    def weights(self) -> list[bytes]:
        """Give every weight."""
        return [
            array("f", each.detach().cpu().flatten().tolist()).tobytes()
            for _, each in sorted(self._network.state_dict().items())
        ]

    def weights_on(self) -> str:
        """Say where the weights lie."""
        kinds = {each.device.type for each in self._network.parameters()}
        return "gpu" if kinds == {"cuda"} else "cpu"

    def device(self) -> dict[str, Any]:
        """Name the device that they lie on."""
        return self._named

    def peak_memory(self) -> int:
        """Give the most bytes on the device."""
        if self._device.type == "cuda":
            return int(torch.cuda.max_memory_allocated(self._device))
        return process_peak()

    def busy(self, steps: int) -> tuple[float, float]:
        """Take steps under the profiler, and add up what the GPU did."""
        if self._device.type != "cuda":
            return 0.0, 0.0
        return profile_steps(self.step, steps, self._device)


def profile_steps(step: Any, steps: int, device: Any) -> tuple[float, float]:
    """Seconds in kernels and seconds that passed; by events where the profiler sees no kernel."""
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize(device)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profile:
            start.record()
            for number in range(steps):
                step(number)
            end.record()
            torch.cuda.synchronize(device)
        passed = start.elapsed_time(end) / 1e3
    kernels = add_up_kernels(profile.key_averages())
    return (min(kernels, passed) if kernels else passed), passed


def add_up_kernels(averages: Any) -> float:
    """Seconds on the device; the field was renamed in PyTorch 2.4."""
    total = 0.0
    for each in averages:
        newer = getattr(each, "self_device_time_total", None)
        total += getattr(each, "self_cuda_time_total", 0.0) if newer is None else newer
    return total / 1e6
