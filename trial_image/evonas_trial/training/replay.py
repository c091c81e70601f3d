"""A step of a training or an evaluation as one CUDA graph: on a GPU, a small network spends most of its time waiting
for the launches of a step's kernels, and a graph needs one launch for all of them. ``loop`` and ``evaluation`` write a
step as a function; whether it is called or replayed is decided here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Protocol

import torch
from torch import Tensor

from evonas_trial.pausing import say
from evonas_trial.training.hardware import Hardware

Step = Callable[..., object]

WARM_UP_CALLS = 3
"""Before a recording: in its first calls a function makes libraries allocate and choose, which no recording may."""


class Recorder(Protocol):
    """Records functions on a device."""

    failed: bool
    """Whether a function could not be recorded. It leaves torch's generator and allocator in a state that earlier
    recordings do not expect, so nothing is recorded or replayed from then on."""

    def warm_up(self, function: Step, inputs: tuple[Tensor, ...]) -> None:
        """Call a function that is to be recorded."""

    def record(self, function: Step, inputs: tuple[Tensor, ...]) -> Step:
        """Return what replays the function, which is not run; raises RuntimeError where it cannot be recorded."""


class Replayed:
    """A function of tensors that changes state on the device and returns nothing.

    The first calls are calls; then it is recorded, and replayed on copies of its inputs. What it reads besides them
    must be tensors that stay where they are. A replay's random numbers are those of a call: they follow from the
    device's generator as it is then. On a CPU, or where the settings say so, the function is always called; so it is
    for inputs of other shapes than those recorded, such as a last short batch. After one that cannot be recorded, all
    are called, and a line says so. Running out of memory is left to the caller.
    """

    def __init__(self, function: Step, hardware: Hardware, what: str, *, recorder: Recorder | None = None) -> None:
        """``what`` names the function in messages; the recorder is that of the hardware unless another is given."""
        self._function, self._what = function, what
        self._recorder = _recorder(hardware) if recorder is None else recorder
        self._shapes: list[torch.Size] | None = None
        self._warm_up_calls = 0
        self._replay: Step | None = None

    def __call__(self, *inputs: Tensor) -> None:
        """Call or replay the function."""
        if self._recorder is None or self._recorder.failed:
            self._function(*inputs)
            return
        shapes = [tensor.shape for tensor in inputs]
        # The larger ones: a training that is resumed at the end of an epoch begins with the short batch.
        if self._shapes is None or (self._replay is None and shapes > self._shapes):
            self._shapes, self._warm_up_calls = shapes, 0
        if shapes != self._shapes:
            self._function(*inputs)
        elif self._replay is not None:
            self._replay(*inputs)
        elif self._warm_up_calls < WARM_UP_CALLS:
            self._recorder.warm_up(self._function, inputs)
            self._warm_up_calls += 1
        else:
            self._begin(self._recorder, inputs)

    def _begin(self, recorder: Recorder, inputs: tuple[Tensor, ...]) -> None:
        try:
            self._replay = recorder.record(self._function, inputs)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            reason = str(error).partition("\n")[0]
            say(f"{self._what} cannot be recorded, so nothing is replayed as a CUDA graph from here on: {reason}")
            recorder.failed = True
        (self._replay or self._function)(*inputs)


class CudaGraphs:
    """Records CUDA graphs.

    All share one pool of memory: a pool per graph would hold the activations of each. It is sound because graphs are
    replayed one after the other, and what one computes is read by no other.
    """

    def __init__(self, device: torch.device, generator: torch.Generator) -> None:
        """``generator`` is what networks draw from on the device."""
        self._device, self._generator = device, generator
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._pool = torch.cuda.graph_pool_handle()
        self.failed = False
        self._unfinished: torch.cuda.CUDAGraph | None = None

    def warm_up(self, function: Step, inputs: tuple[Tensor, ...]) -> None:
        """Call the function where it will be recorded: no graph can be recorded on a device's default stream."""
        current = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream):
            function(*inputs)
        current.wait_stream(self._stream)

    def record(self, function: Step, inputs: tuple[Tensor, ...]) -> Step:
        """Record the function on copies of these inputs."""
        own = [tensor.to(self._device, copy=True) for tensor in inputs]
        graph = torch.cuda.CUDAGraph()
        intact = self._generator.clone_state()
        # Where this has failed, older versions of torch do not return to the stream that was current before.
        before = torch.cuda.stream(torch.cuda.current_stream(self._device))
        # What other threads do, such as the one that pins the memory of decoded images, does not end the recording.
        recording = torch.cuda.graph(graph, self._pool, self._stream, capture_error_mode="thread_local")
        try:
            with before, recording:
                function(*own)
        except RuntimeError as error:
            # Not freed: torch's allocator has not heard of its end, and goes on asking it what memory is its own.
            self._unfinished = graph
            # Otherwise the generator takes all that follows for a part of the recording, and refuses to draw.
            self._generator.graphsafe_set_state(intact)
            # The end of a recording that has failed raises an error of its own, which says less.
            first = error.__context__
            raise (first if isinstance(first, RuntimeError) else error) from None

        def replay(*inputs: Tensor) -> None:
            for held, given in zip(own, inputs, strict=True):
                held.copy_(given, non_blocking=True)
            graph.replay()

        return replay


@cache
def _recorder(hardware: Hardware) -> Recorder | None:
    return CudaGraphs(hardware.device, hardware.generator) if hardware.replays else None
