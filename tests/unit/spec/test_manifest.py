"""Reading files: what kubectl would read, and one clear error for each way of not being a search."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evonas.errors import EvonasError
from evonas.manifest import load_search, read_objects, to_yaml
from tests.corpus.environment import NASTY

HEAD = "kind: ArchitectureSearch\n"

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        file = tmp_path / "search.yaml"
        file.write_text(text, encoding="utf-8")
        return file

    return write


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("1e-3", 0.001),
        ("1.5e3", 1500),
        ("-.5", -0.5),
        ("012", 10),
        ("09", 9),
        ("0x1F", 31),
        ("1_000", 1000),
        ("3.0", 3),
        ("1:30", "1:30"),
        ("2001-01-01", "2001-01-01"),
        ("2001-01-01T10:00:00Z", "2001-01-01T10:00:00Z"),
        ("y", True),
        ('"y"', "y"),
        ("off", False),
        ("~", None),
        ("", None),
        ("=", "="),
        ("!!str 1", "1"),
        ("99999999999999999999", int(1e20)),
    ],
)
def test_word_is_read_as_kubectl_reads_it(write: Write, word: str, value: Any) -> None:
    read = load_search(write(f"{HEAD}spec: {word}\n"))["spec"]
    assert (read, type(read)) == (value, type(value))


def test_keys_become_text(write: Write) -> None:
    read = load_search(write(HEAD + "spec: {yes: 1, 3: 2, 1.5: 3, 1e3: 4}\n"))
    assert read["spec"] == {"true": 1, "3": 2, "1.5": 3, "1000": 4}


def test_merge_key_was_refused_as_an_unknown_tag(write: Write) -> None:
    read = load_search(write(HEAD + "base: &base {a: 1, b: 2}\nspec: {<<: *base, b: 3}\n"))
    assert read["spec"] == {"a": 1, "b": 3}


def test_merging_a_merged_mapping_took_the_overridden_value(write: Write) -> None:
    read = load_search(write(HEAD + "base: &base {<<: {a: 1}, a: 2}\nspec: {<<: *base}\n"))
    assert read["spec"] == {"a": 2}


@pytest.mark.parametrize("merged", ["1", "[{a: 1}, 2]"])
def test_only_mappings_are_merged(write: Write, merged: str) -> None:
    with pytest.raises(EvonasError, match=r"only a mapping can be merged in(.|\n)*line 2"):
        load_search(write(f"{HEAD}spec: {{<<: {merged}}}\n"))


def test_json_with_tabs_was_refused(write: Write) -> None:
    search = {"kind": "ArchitectureSearch", "spec": {"rate": 1e-3, "steps": 3.0, "emoji": "\U0001f600"}}
    assert load_search(write(json.dumps(search, indent="\t"))) == search


def test_search_among_other_documents_is_found(write: Write) -> None:
    text = f"---\nkind: Namespace\n---\n# nothing\n---\n- a list\n---\n{HEAD}metadata: {{name: found}}\n---\n"
    assert load_search(write(text))["metadata"]["name"] == "found"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", r"exactly one object of kind ArchitectureSearch, found 0 \(kinds: \[\]\)"),
        ("# nothing\n", r"found 0 \(kinds: \[\]\)"),
        ("kind: Job\n---\n- 1\n", r"found 0 \(kinds: \['Job', 'list'\]\)"),
        (HEAD + "---\n" + HEAD, "found 2"),
        ("just text", r"found 0 \(kinds: \['str'\]\)"),
        ("{}", "found 0"),
    ],
    ids=["empty file", "comment only", "other kinds", "two searches", "text", "empty object"],
)
def test_file_without_exactly_one_search_is_refused(write: Write, text: str, says: str) -> None:
    with pytest.raises(EvonasError, match=says):
        load_search(write(text))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (HEAD + "spec:\n  a: 1\n  b: 2\n  a: 3\n", r"duplicate key 'a'(.|\n)*line 5"),
        (HEAD + "spec: {1: a, '1': b}\n", r"duplicate key '1'(.|\n)*line 2"),
        ('{"kind": "ArchitectureSearch",\n "kind": "ArchitectureSearch"}', r"duplicate key 'kind'(.|\n)*line 2"),
        (HEAD + "spec: [1, 2\n", r"not valid YAML(.|\n)*line 3"),
        (HEAD + "spec: {a: 1\n  b: 2}\n", r"not valid YAML(.|\n)*line 3"),
        (HEAD + "\tspec: 1\n", r"not valid YAML(.|\n)*line 2"),
        (HEAD + "spec: *nowhere\n", r"undefined alias(.|\n)*line 2"),
        (HEAD + "spec: !!python/name:os.system\n", r"not valid YAML(.|\n)*line 2"),
        (HEAD + "spec: !!binary aGk=\n", r"not valid YAML(.|\n)*line 2"),
        (HEAD + "spec: !!int three\n", r"'three' is not a whole number(.|\n)*line 2"),
        (HEAD + "spec: !!float three\n", r"three is not a number(.|\n)*line 2"),
        (HEAD + "spec: !!bool maybe\n", r"'maybe' is not a boolean(.|\n)*line 2"),
        (HEAD + "spec: .nan\n", r"\.nan is not a number that JSON can hold(.|\n)*line 2"),
        (HEAD + "spec: -.inf\n", r"-\.inf is not a number that JSON can hold(.|\n)*line 2"),
        (HEAD + "spec: 1e999\n", r"1e999 is not a number that JSON can hold(.|\n)*line 2"),
        (HEAD + f"spec: {'9' * 5000}\n", r"line 2"),
        (HEAD + "spec: {~: 1}\n", r"a key must be text(.|\n)*line 2"),
        (HEAD + "spec: {[1]: 2}\n", r"a key must be text(.|\n)*line 2"),
        (HEAD + "spec: &own [*own]\n", r"an anchor contains itself"),
        (HEAD + "spec: " + "[" * 5000 + "]" * 5000 + "\n", r"nested too deeply"),
        (HEAD + "spec: \x00\n", r"not valid YAML"),
    ],
    ids=lambda text: " ".join(text.splitlines()[1:])[:30] if text.startswith(HEAD) else "",
)
def test_broken_file_is_one_clear_error(write: Write, text: str, says: str) -> None:
    file = write(text)
    with pytest.raises(EvonasError, match=says) as refusal:
        load_search(file)
    assert str(file) in str(refusal.value)


def test_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(EvonasError, match=r"cannot read .*missing\.yaml: .*No such file"):
        load_search(tmp_path / "missing.yaml")


def test_folder_in_place_of_a_file(tmp_path: Path) -> None:
    with pytest.raises(EvonasError, match="cannot read"):
        load_search(tmp_path)


def test_file_in_another_encoding(tmp_path: Path) -> None:
    file = tmp_path / "latin.yaml"
    file.write_bytes((HEAD + "spec: größe\n").encode("latin-1"))
    with pytest.raises(EvonasError, match="cannot read"):
        load_search(file)


@given(st.sampled_from(NASTY) | st.text() | st.from_regex(r"[-+]?[0-9]*\.?[0-9]*([eE][-+]?[0-9]+)?", fullmatch=True))
def test_kubectl_reads_the_text_that_is_printed_for_it(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.getbasetemp() / "printed.yaml"
    file.write_text(to_yaml({"text": text, "list": [text, 1e-5, 7, True, None]}), encoding="utf-8", newline="")
    assert read_objects(file) == [{"text": text, "list": [text, 1e-5, 7, True, None]}]
