"""What errors and refusals mean for a search."""

from __future__ import annotations

import pytest

from evonas.cluster.control.executor import ForeignObject
from evonas.cluster.control.refusals import Refusal, judge_errors, judge_refusal
from evonas.errors import EvonasError
from evonas.recorded.knowledge_record import UnusableKnowledge
from evonas.recorded.warm_start import UnusableSource
from evonas.search.attempt import QueuedReason

FOREIGN, MISFIT, NO_SOURCE = ForeignObject("Job a is not ours"), EvonasError("trial 3"), UnusableSource("no search b")
NOT_KNOWN = UnusableKnowledge("no search c")


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        ([MISFIT], Refusal("InvalidRecords", "trial 3")),
        ([FOREIGN], Refusal("ForeignObject", "Job a is not ours")),
        ([NO_SOURCE], Refusal("WarmStartUnusable", "no search b", stalled=False)),
        ([MISFIT, FOREIGN, MISFIT], Refusal("ForeignObject", "trial 3; Job a is not ours")),
        ([NOT_KNOWN], Refusal("KnowledgeUnusable", "no search c", stalled=False)),
        ([NO_SOURCE, MISFIT], Refusal("InvalidRecords", "no search b; trial 3")),
    ],
)
def test_the_refusal_tells_of_every_error_once(errors: list[Exception], expected: Refusal) -> None:
    assert judge_errors(errors) == expected


def test_a_full_quota_is_told_from_a_denial() -> None:
    full = 'jobs.batch "a-0" is forbidden: exceeded quota: few, requested: count/jobs.batch=1, used: 1, limited: 1'
    assert judge_refusal(full).reason is QueuedReason.QUOTA_EXCEEDED
    denied = judge_refusal('admission webhook "policy" denied the request: no label team')
    assert denied.reason is QueuedReason.ADMISSION_DENIED
    assert denied.message.endswith("no label team")
