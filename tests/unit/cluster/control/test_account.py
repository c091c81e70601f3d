"""The trials' account: what is made of it, and the one way in which none is asked for."""

from __future__ import annotations

from typing import cast

from evonas.cluster.client.api import Api
from evonas.cluster.control.account import TrialAccounts, account_objects


def test_the_account_may_do_what_the_charts_role_for_trials_says_in_its_own_namespace() -> None:
    (_, account), (_, binding) = account_objects("team")
    name = account["metadata"]["name"]
    assert binding["roleRef"] == {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": name, "namespace": "team"}]


async def test_an_account_that_somebody_else_makes_is_counted_on_and_not_asked_for() -> None:
    accounts = TrialAccounts(cast(Api, None), create=False)
    assert await accounts.ensure("team") == "evonas-trial"
    accounts.forget("team")
    assert await accounts.ensure("team") == "evonas-trial"
