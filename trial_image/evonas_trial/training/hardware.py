"""The device that a trial trains on, and how torch uses it."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from evonas_trial.training.choosing import GpuMissing, Settings


@dataclass(frozen=True)
class Hardware:
    """A device and how it is used."""

    device: torch.device
    compiled: bool = False
    settings: Settings = field(default_factory=Settings)
    """Of a GPU."""

    @classmethod
    def choose(cls, device: str, *, threads: int, compiled: bool = False) -> Hardware:
        """Set torch up for ``auto``, ``cpu`` or ``cuda``; ``auto`` uses a GPU if there is one, ``cuda`` raises
        GpuMissing if there is none."""
        torch.set_num_threads(threads)
        has_gpu = torch.cuda.is_available()
        name = ("cuda" if has_gpu else "cpu") if device == "auto" else device
        if name == "cuda" and not has_gpu:
            raise GpuMissing("--device cuda: torch sees no GPU here (is one requested, and its driver installed?)")
        if name == "cpu":
            # The same as use_deterministic_algorithms, which also imports torch's compiler: seconds of each trial.
            torch.set_deterministic_debug_mode("error")
        return cls(torch.device(name), compiled)

    def used(self, settings: Settings) -> Hardware:
        """Return the same device with these settings, and set torch up for them."""
        if self.device.type == "cuda":
            torch.backends.cudnn.benchmark = settings.algorithm_search
        return replace(self, settings=settings)

    @property
    def name(self) -> str:
        """Its name for display."""
        if self.device.type == "cuda":
            return torch.cuda.get_device_name(self.device)
        return f"the CPU with {torch.get_num_threads()} threads"

    @property
    def mixed_precision(self) -> bool:
        """Whether a GPU multiplies in bfloat16."""
        return self.device.type == "cuda" and self.settings.bfloat16 and torch.cuda.is_bf16_supported()

    @property
    def replays(self) -> bool:
        """Whether steps are recorded and replayed."""
        return self.device.type == "cuda" and self.settings.graph

    @property
    def memory_format(self) -> torch.memory_format:
        """The layout of images."""
        channels_last = self.device.type == "cuda" and self.settings.channels_last
        return torch.channels_last if channels_last else torch.contiguous_format

    def placed(self, model: nn.Module) -> nn.Module:
        """Return the model on the device."""
        return model.to(self.device, memory_format=self.memory_format)  # type: ignore[call-overload, no-any-return]

    def runner(self, model: nn.Module) -> nn.Module:
        """Return what is called instead of the model; it shares the model's weights."""
        return torch.compile(model) if self.compiled else model  # type: ignore[return-value]

    def autocast(self) -> torch.autocast:
        """Return the context in which the model runs."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.mixed_precision)

    def free_bytes(self) -> int | None:
        """Return the free memory of a GPU; None on a CPU, where the data already is."""
        return torch.cuda.mem_get_info(self.device)[0] if self.device.type == "cuda" else None

    def sent(self, tensor: Tensor) -> Tensor:
        """Return a tensor on the device; from pinned memory the host does not wait."""
        if self.device.type == "cuda" and tensor.device.type == "cpu":
            return tensor.pin_memory().to(self.device, non_blocking=True)
        return tensor.to(self.device)

    @property
    def generator(self) -> torch.Generator:
        """What networks draw from on the device."""
        if self.device.type == "cuda":
            return torch.cuda.default_generators[self.device.index or torch.cuda.current_device()]
        return torch.default_generator

    def seed(self, seed: int) -> None:
        """Seed what networks draw from on the device, such as dropout.

        torch.manual_seed seeds every possible device; if CUDA is not in use yet, each call records a traceback for
        later: a millisecond per step.
        """
        self.generator.manual_seed(seed)


def derived_seed(*parts: int) -> int:
    """Return a seed that depends on all parts, such as the trial's seed, the epoch and the step."""
    return random.Random(" ".join(map(str, parts))).getrandbits(63)
