"""`import evonas` costs nothing, and what it offers is what it says."""

from __future__ import annotations

import subprocess
import sys

import pytest

import evonas


def test_importing_loads_nothing_that_is_not_used() -> None:
    code = "import sys, evonas; print([m for m in sys.modules if m.split('.')[0] in ('torch', 'numpy', 'jsonschema')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_every_public_name_is_there() -> None:
    assert sorted(evonas.__all__) == dir(evonas)
    for name in evonas.__all__:
        assert getattr(evonas, name).__doc__


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Serach'"):
        _ = evonas.Serach
