"""What a trial of a local run is told, by the corpus that the containers of a real node are asked with, too."""

from __future__ import annotations

from pathlib import Path

from tests.corpus.environment import NASTY, VARIABLES
from tests.unit.local.runs import ask_here


def test_trial_sees_every_decision_as_it_was_written(tmp_path: Path) -> None:
    told = ask_here(tmp_path)
    variables = told["variables"]
    assert {name: variables[name] for name in VARIABLES} == VARIABLES
    assert {name: variables[f"OWN_{name}"] for name in VARIABLES} == {
        name: f"<{text}>" for name, text in VARIABLES.items()
    }
    assert told["arguments"][-len(NASTY) :] == list(NASTY)
    assert (variables["OWN_INDEX"], variables["OWN_DOLLARS"]) == ("0", "$(EVONAS_INDEX) $ $ $(NOBODY)")
