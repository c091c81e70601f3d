"""Work on files by several processes at once, while the caller uses what they have done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

from torch.utils.data import DataLoader, Dataset

from evonas_trial.data.places import DataMissing

Item = TypeVar("Item")
Result = TypeVar("Result")


def each(
    task: Callable[[Item], Result], items: Sequence[Item], workers: int, *, pin_memory: bool = False
) -> Iterator[Result]:
    """Yield what ``task`` makes of each item, in order; in this process if there are no workers. Raises the DataMissing
    or OSError that a task raised.
    """
    loader: DataLoader[Result | Exception] = DataLoader(
        _Told(task), batch_size=None, sampler=items, num_workers=workers, pin_memory=pin_memory
    )
    for result in loader:
        if isinstance(result, DataMissing | OSError):
            raise result
        yield result


class _Told(Dataset[Result | Exception], Generic[Item, Result]):
    """An expected error as a value: one that a DataLoader carries over has its traceback for a message."""

    def __init__(self, task: Callable[[Item], Result]) -> None:
        self._task = task

    def __getitem__(self, item: Item) -> Result | Exception:
        try:
            return self._task(item)
        except (DataMissing, OSError) as error:
            return error
