"""Texts that something between a manifest and a process may change, and a search whose one trial prints them.

``tests/unit/local`` runs it on this machine, ``tests/e2e`` in a container on a real node: a trial must see the same.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from evonas.manifest import load_search
from evonas.search.trial_environment import decision_variables

NASTY = (
    "$",
    "$$",
    "$$$",
    "a$$b",
    "$(X)",
    "$$(X)",
    "$(EVONAS_INDEX)",
    "$$(EVONAS_INDEX)",
    "$$$(EVONAS_INDEX)",
    "$(",
    "$()",
    "cost: 5$",
    "${HOME}",
    "`id`",
    "'",
    '"',
    "\\",
    "\\n",
    "it's \"quoted\" \\'twice\\'",
    "",
    " ",
    "  leading and trailing  ",
    "\ttab\t",
    "two\nlines",
    "\nbroken at both ends\n",
    "carriage\r\nreturn",
    "🧠 naïve 日本",
    "\x1b[31mred\x7f",
    "next\x85line\u2028separator\ufeffmark\uffff",
    "a=b",
    "--flag",
    "#no comment",
    "{braces: [and, brackets]}",
    "y",
    "no",
    "null",
    "~",
    "0x10",
    "1e-05",
    "007",
    "2001-01-01",
)

EXAMPLE = Path(__file__).parents[2] / "examples" / "counting.yaml"
"""A template that a namespace with restricted pods admits."""

DECISIONS = {f"text_{position}": text for position, text in enumerate(NASTY)}
VARIABLES = decision_variables(DECISIONS)

_PROGRAM = """
import json, os, sys
told = {name: text for name, text in os.environ.items() if name.startswith(("EVONAS_D", "OWN_"))}
print(json.dumps({"variables": told, "arguments": sys.argv[1:]}))
if "EVONAS_INDEX" in os.environ:
    with open(os.environ.get("EVONAS_REPORT_FILE", "/dev/termination-log"), "w") as report:
        report.write('{"reward": 0.5}')
"""
COMMAND = ["python", "-c", _PROGRAM]

_OWN = [
    {"name": "OWN_INDEX", "value": "$(EVONAS_INDEX)"},
    {"name": "OWN_DOLLARS", "value": "$$(EVONAS_INDEX) $$ $ $(NOBODY)"},
    *({"name": f"OWN_{name}", "value": f"<$({name})>"} for name in VARIABLES),
]


def asking_search() -> dict[str, Any]:
    """Return a search of one candidate, whose trial prints its variables and arguments as one line of JSON."""
    body = load_search(EXAMPLE)
    body["metadata"]["name"] = "asking"
    body["spec"] |= {
        "searchSpace": [{"name": name, "values": [text]} for name, text in DECISIONS.items()],
        "agent": {"type": "Random"},
        "budget": {"maxTrials": 1},
    }
    (container,) = body["spec"]["trial"]["template"]["spec"]["containers"]
    container |= {"command": COMMAND, "args": [f"$({name})" for name in VARIABLES], "env": _OWN}
    return body


def answer(log: str) -> dict[str, Any]:
    """Return what a container with that command printed."""
    told: dict[str, Any] = json.loads(log)
    return told
