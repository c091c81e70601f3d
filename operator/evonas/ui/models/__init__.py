"""What the API says and takes, version 1: the source of its OpenAPI document and of the page's own types.

Names are camelCase in JSON, as in the manifests. Moments are seconds since 1970. A ``revision`` is a number that grows
with each change; revisions of one process are comparable with each other only.
"""

from evonas.ui.models.analysis import (
    Analysis,
    FailureRow,
    Importance,
    ImprovementRow,
    OriginRow,
    Policy,
    PolicyMoment,
    Share,
    Stopping,
)
from evonas.ui.models.base import DecisionValue, Model, Problem
from evonas.ui.models.changes import ChangeKind, Notice
from evonas.ui.models.happenings import Alert, Event, Happenings
from evonas.ui.models.orders import ActionName, Done, Order, Permission
from evonas.ui.models.search import (
    Comparison,
    Condition,
    Confirmation,
    Constraint,
    DecisionInfo,
    Details,
    Front,
    Group,
    Member,
    Recommendation,
    When,
)
from evonas.ui.models.searches import Best, FrontSize, Objective, Page, Searches, SourceState, Summary
from evonas.ui.models.trial import Ancestor, Attempt, Change, Explanation, Rung, Standing, TrialDetails
from evonas.ui.models.trials import Curve, Curves, Ranks, TrialColumns, Trials

__all__ = [
    "ActionName",
    "Alert",
    "Analysis",
    "Ancestor",
    "Attempt",
    "Best",
    "Change",
    "ChangeKind",
    "Comparison",
    "Condition",
    "Confirmation",
    "Constraint",
    "Curve",
    "Curves",
    "DecisionInfo",
    "DecisionValue",
    "Details",
    "Done",
    "Event",
    "Explanation",
    "FailureRow",
    "Front",
    "FrontSize",
    "Group",
    "Happenings",
    "Importance",
    "ImprovementRow",
    "Member",
    "Model",
    "Notice",
    "Objective",
    "Order",
    "OriginRow",
    "Page",
    "Permission",
    "Policy",
    "PolicyMoment",
    "Problem",
    "Ranks",
    "Recommendation",
    "Rung",
    "Searches",
    "Share",
    "SourceState",
    "Standing",
    "Stopping",
    "Summary",
    "TrialColumns",
    "TrialDetails",
    "Trials",
    "When",
]
