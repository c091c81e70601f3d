"""A function as a script: it does what the function does, where nothing but the script is."""

from __future__ import annotations

import functools
import json
import math
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from types import ModuleType
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from evonas.errors import EvonasError
from evonas.python.mounted import MAX_BYTES, mounted_script
from evonas.python.script import literal_of, needed_modules, script_of, source_of
from tests.unit.python.cells import Notebook

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.complex_numbers() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text(), inner, max_size=4)
        | st.sets(st.integers() | st.text(), max_size=4)
        | st.frozensets(st.text(), max_size=4)
    ),
    max_leaves=10,
)
HELPERS = '''
import math
from collections import OrderedDict as Ordered
from dataclasses import dataclass, field
import functools
import xml.etree.ElementTree
import random as chance
from random import Random
from os import path
from typing import TYPE_CHECKING, Optional

if TYPE_CHECKING:
    from nowhere import Nothing

SIZES = {"small": (1,), "large": [2, 3]}
calls = 0


def counted(function: "Nothing") -> "Nothing":
    @functools.wraps(function)
    def call(*arguments):
        global calls
        calls += 1
        return function(*arguments)

    return call


@dataclass
class Settings:
    """Has a text
that begins in the first column."""

    width: int = 3
    sizes: dict = field(default_factory=lambda: dict(SIZES))
    nothing: Optional["Nothing"] = None

    def make(self) -> "Wide":
        return Wide(self.width)


class Narrow:
    def area(self):
        return 1


class Wide(Narrow):
    def __init__(self, width):
        self.width = width

    def area(self):
        return super().area() * self.width


@counted
@functools.lru_cache(maxsize=None)
def is_even(n):
    return n == 0 or is_odd(n - 1)


def is_odd(n):
    return n != 0 and is_even(n - 1)


even = is_even


def train(candidate: "Nothing", trial: Nothing = None):
    # a comment
    tree = xml.etree.ElementTree.Element(path.basename("a/b"))
    numbers = Ordered(width=Settings().make().area(), even=float(even(candidate["n"])), calls=calls)
    numbers["root"] = math.sqrt(len(Settings().sizes) + len(tree.tag)) + Random(3).random() + chance.Random(3).random()
    return {**numbers, "reward": 1.5}
'''


def run_script(folder: Path, script: str, candidate: dict[str, Any]) -> dict[str, Any]:
    """Run a script as a pod does, and return its report: from a volume's links, and with nothing of this project."""
    data = folder / "..2025"
    for name, text in mounted_script("digits", script).contents.items():
        file = data / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (folder / "..data").symlink_to(data.name)
    for entry in ("train.py", "evonas_trial"):
        (folder / entry).symlink_to(f"..data/{entry}")
    report = folder / "report"
    contract = {"EVONAS_DECISIONS": json.dumps(candidate), "EVONAS_SEED": "0", "EVONAS_REPORT_FILE": str(report)}
    command = [sys.executable, "-S", "-u", str(folder / "train.py")]
    ended = subprocess.run(command, env=contract, capture_output=True, text=True, check=False, cwd="/")
    assert (ended.returncode, ended.stderr) == (0, ""), (ended.stderr, script)
    content: dict[str, Any] = json.loads(report.read_text())
    return content


@pytest.fixture
def helpers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module in a file."""
    (tmp_path / "evonas_test_helpers.py").write_text(HELPERS.replace("trial: Nothing", 'trial: "Nothing"'))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "evonas_test_helpers", raising=False)
    return __import__("evonas_test_helpers")


class TestRunning:
    def test_what_a_module_has_goes_with_the_function(self, helpers: ModuleType, tmp_path: Path) -> None:
        report = run_script(tmp_path, script_of(helpers.train, None), {"n": 4})
        expected = helpers.train({"n": 4})
        assert report == {"reward": expected.pop("reward"), "metrics": expected}

    def test_so_does_what_a_notebook_has(self, tmp_path: Path) -> None:
        notebook = Notebook()
        for cell in HELPERS.split("\n\n\n"):
            names = notebook.run(f"from __future__ import annotations\n{cell}\n")
        report = run_script(tmp_path, script_of(names["train"], None), {"n": 4})
        expected = names["train"]({"n": 4})
        assert report == {"reward": expected.pop("reward"), "metrics": expected}

    def test_a_nested_function_is_moved_to_the_first_column(self, tmp_path: Path) -> None:
        def train(candidate: dict[str, Any]) -> dict[str, float]:
            text = """a
b"""
            return {"loss": len(text) + math.floor(candidate["n"] + 0.5)}

        report = run_script(tmp_path, script_of(train, "loss"), {"n": 4})
        assert report == {"reward": 7, "metrics": {"loss": 7}}

    def test_several_objectives_are_named_in_the_script(self, tmp_path: Path) -> None:
        def train(candidate: dict[str, Any]) -> dict[str, float]:
            return {"loss": candidate["n"], "size": 2, "accuracy": 0.5}

        report = run_script(tmp_path, script_of(train, ("size", "loss")), {"n": 4})
        assert report == {"reward": 2, "metrics": {"loss": 4, "size": 2, "accuracy": 0.5}}

    def test_the_function_may_be_named_as_what_runs_it(self, tmp_path: Path) -> None:
        def run(candidate: dict[str, Any]) -> int:
            return int(candidate["n"])

        assert run_script(tmp_path, script_of(run, None), {"n": 4}) == {"reward": 4}

    def test_the_same_function_gives_the_same_script(self) -> None:
        cell = "WORDS = {'a', 'b', 'c', 'd'}\ndef train(candidate):\n    return len(WORDS)\n"
        first = script_of(Notebook().run(cell)["train"], None)
        program = (
            "import sys; from evonas.python.script import script_of; from tests.unit.python.cells import Notebook;"
            f" sys.stdout.write(script_of(Notebook().run({cell!r})['train'], None))"
        )
        path = {"PYTHONPATH": ":".join(sys.path)}
        for seed in ("1", "2"):
            command = [sys.executable, "-c", program]
            again = subprocess.run(command, env={"PYTHONHASHSEED": seed, **path}, capture_output=True, check=True)
            assert again.stdout.decode() == first
        assert "/" not in first


@given(VALUES)
def test_constants_are_written_as_they_are(value: Any) -> None:
    literal = literal_of(value)
    assert literal is not None
    # The text is compared too: nan is not equal to itself, and True is equal to 1.
    assert literal_of(eval(literal)) == literal
    assert type(eval(literal)) is type(value)


@given(st.data())
def test_definitions_are_in_an_order_that_works(data: st.DataObject) -> None:
    """Functions and classes that use each other when they are called, and earlier ones when they are defined."""
    count = data.draw(st.integers(1, 7))
    cells = []
    for index in range(count):
        later = data.draw(st.sets(st.integers(0, count - 1), max_size=3))
        earlier = data.draw(st.sets(st.integers(0, index - 1), max_size=2)) if index else set()
        called = "".join(f"f{other}, " for other in sorted(later))
        now = ", ".join(f"f{other}()" for other in sorted(earlier))
        if data.draw(st.booleans()):
            cells.append(f"def f{index}(known=[{now}]):\n    return sorted(each.__name__ for each in ({called}))\n")
        else:
            base = f"(f{min(earlier)})" if earlier and cells[min(earlier)].startswith("class") else ""
            body = f"    known = [{now}]\n    def names(self):\n        return [each.__name__ for each in ({called})]\n"
            cells.append(f"class f{index}{base}:\n{body}")
    notebook = Notebook()
    try:
        for cell in cells:
            notebook.run(cell)
    except NameError:
        # A default that calls what needs a later one.
        assume(False)
    everything = "".join(f"f{index}, " for index in range(count))
    names = notebook.run(f"def train(candidate):\n    return [each.__name__ for each in ({everything})]\n")
    there: dict[str, Any] = {"__name__": "script"}
    exec(script_of(names["train"], None), there)
    assert there["train"]({}) == names["train"]({})
    for index in range(count):
        known, expected = there[f"f{index}"], names[f"f{index}"]
        if isinstance(known, type):
            assert known().names() == expected().names()
        else:
            assert known() == expected()


def test_what_is_defined_last_may_need_what_uses_it_when_it_is_called() -> None:
    notebook = Notebook()
    notebook.run("def one():\n    return two\n")
    notebook.run("def base(known=one):\n    return 3\n")
    notebook.run("def two(known=base()):\n    return known\n")
    names = notebook.run("def train(candidate):\n    return base() + one()()\n")
    there: dict[str, Any] = {"__name__": "script"}
    exec(script_of(names["train"], None), there)
    assert there["train"]({}) == 6


def made() -> Callable[..., Any]:
    width = 3

    def train(candidate: dict[str, Any]) -> int:
        return width

    return train


def called(candidate: dict[str, Any]) -> int:
    return 1


class TestRefused:
    @pytest.mark.parametrize(
        ("cells", "said"),
        [
            (["model = object()", "def train(c):\n    return model\n"], "train uses 'model', an object of type object"),
            (
                [
                    "import threading\nlock = threading.Lock()",
                    "def used():\n    return lock\n",
                    "def train(c): used()\n",
                ],
                "used uses 'lock', an object of type lock, which a script cannot have: create it inside used",
            ),
            (["def train(c):\n    return undefined\n"], "train uses 'undefined', which is not defined"),
            (
                ["act = lambda x: x\n", "def train(c):\n    return act(1)\n"],
                "act is a lambda, whose source cannot be told",
            ),
            (
                ["def train(c):\n    return display(1)\n"],
                "train uses 'display', which only a notebook has: leave it out",
            ),
            (
                [
                    "def made(n):\n    def f():\n        return n\n    return f\n",
                    "f = made(1)\ndef train(c): return f()\n",
                ],
                "f uses 'n' of the function around it, which a script does not have: create it inside f",
            ),
            (
                ["import functools\ndef f(): return 1\n", "g = functools.lru_cache(f)\ndef train(c): return g()\n"],
                "'g' is made by a call, from f: create it inside the function that uses it",
            ),
            (
                ["import functools\ndef f(): return 1\n", "f = functools.lru_cache(f)\ndef train(c): return f()\n"],
                "f was wrapped by a call, which its source does not show: use a decorator",
            ),
            (
                ["from collections import namedtuple\nP = namedtuple('P', 'x')\ndef train(c): return P(1)\n"],
                "the source of P cannot be read: define it by def or class, in a file or a notebook's cell",
            ),
        ],
    )
    def test_what_a_script_cannot_have_is_named(self, cells: list[str], said: str) -> None:
        notebook = Notebook()
        for cell in cells:
            names = notebook.run(cell)
        with pytest.raises(EvonasError) as refused:
            script_of(names["train"], None)
        assert said in str(refused.value)
        assert "\n" not in str(refused.value)

    @pytest.mark.parametrize(
        ("function", "said"),
        [
            (lambda candidate: 1, "<lambda> is a lambda"),
            (functools.partial(called), "partial is of type partial"),
            (max, "max is of type builtin_function_or_method"),
            (made(), "train uses 'width' of the function around it, which a script does not have: create it inside"),
        ],
    )
    def test_what_is_no_function_of_its_own_is_named(self, function: Callable[..., Any], said: str) -> None:
        with pytest.raises(EvonasError) as refused:
            script_of(function, None)
        assert said in str(refused.value)

    def test_a_function_without_source_is_named(self) -> None:
        names: dict[str, Any] = {}
        exec("def train(candidate):\n    return 1\n", names)
        with pytest.raises(EvonasError, match="the source of train cannot be read"):
            script_of(names["train"], None)

    def test_a_file_that_has_changed_since_is_noticed(self, helpers: ModuleType, tmp_path: Path) -> None:
        file = tmp_path / "evonas_test_helpers.py"
        file.write_text("\n" * 4 + file.read_text())
        with pytest.raises(EvonasError, match=r"the source of \w+ (has changed|cannot)"):
            script_of(helpers.train, None)

    def test_more_than_a_config_map_holds_is_said(self) -> None:
        names = Notebook().run(f"TEXT = 'x' * {MAX_BYTES}\ndef train(candidate):\n    return len(TEXT)\n")
        with pytest.raises(EvonasError, match=r"are 1,\d+,\d+ bytes, and a ConfigMap holds 1,048,576: read large"):
            mounted_script("digits", script_of(names["train"], None))


def test_what_an_image_must_have_is_known() -> None:
    notebook = Notebook()
    names = notebook.run(
        "import numpy as np\nfrom torch import nn\nimport os.path\nfrom hypothesis import strategies\n"
        "def train(candidate):\n    import jsonschema\n    return nn.functional.relu(np.ones(os.cpu_count()))\n"
    )
    assert needed_modules(script_of(names["train"], None)) == ("jsonschema", "numpy", "torch")


def test_the_source_for_the_record_is_the_functions_own() -> None:
    def train(candidate: dict[str, Any]) -> int:
        return 1

    assert source_of(train) == dedent(
        """\
        def train(candidate: dict[str, Any]) -> int:
            return 1
        """
    )
    assert source_of(max) == "# The source of max cannot be read.\n"
