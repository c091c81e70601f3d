"""The source of a function or class, and the names that it uses: what ``script`` puts together, a definition at a time.

Annotations are not among what is used, since a script does not evaluate them; those in the body of a class are, where
they can be found, since libraries look at them.
"""

from __future__ import annotations

import ast
import inspect
import linecache
import symtable
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from evonas.errors import EvonasError

_COMPREHENSIONS = frozenset({"listcomp", "setcomp", "dictcomp", "genexpr"})
_CELLS = "_ih"
"""Where IPython keeps the cells that it ran, as Python."""


@dataclass(frozen=True)
class Definition:
    """One ``def`` or ``class``."""

    name: str
    source: str
    """Beginning in the first column."""
    at_once: tuple[str, ...]
    """Names outside that it needs when it is defined: decorators, defaults, bases, what the body of a class does."""
    later: tuple[str, ...]
    """Names that it needs when it is called."""
    optional: frozenset[str]
    """Names that it may do without: it assigns them itself, or only an annotation has them."""
    paths: frozenset[tuple[str, ...]]
    """Names with the attributes that follow them: ``("torch", "nn", "functional", "relu")``."""
    decorated: bool


def define_function(function: Callable[..., Any]) -> Definition:
    """Return how a function is defined; EvonasError if its source cannot be read."""
    name = function.__name__
    try:
        text = inspect.getsource(function)
    except (OSError, TypeError) as error:
        raise _without_source(name) from error
    return _define(name, text, (ast.FunctionDef, ast.AsyncFunctionDef))


def define_class(kind: type, module: Mapping[str, Any]) -> Definition:
    """Return how a class is defined in a module with these globals; EvonasError if its source cannot be read."""
    try:
        text = inspect.getsource(kind)
    except (OSError, TypeError) as error:
        # Before Python 3.13, a class in a notebook does not know where it was defined.
        found = next(filter(None, (_class_in(text, kind.__name__) for text in _texts(kind, module))), None)
        if found is None:
            raise _without_source(kind.__name__) from error
        text = found
    return _define(kind.__name__, text, (ast.ClassDef,))


def _without_source(name: str) -> EvonasError:
    return EvonasError(
        f"the source of {name} cannot be read: define it by def or class, in a file or a notebook's cell"
    )


def _texts(kind: type, module: Mapping[str, Any]) -> Iterator[str]:
    """Yield where a class may have been defined: what its methods come from, then the cells of a notebook, the last
    first."""
    files = {member.__code__.co_filename for member in vars(kind).values() if inspect.isfunction(member)}
    yield from ("".join(linecache.getlines(file)) for file in sorted(files))
    yield from reversed(module.get(_CELLS, ()))


def _class_in(text: str, name: str) -> str | None:
    """Return the source of the last class of that name in a text."""
    try:
        body = ast.parse(text).body
    except SyntaxError:
        return None
    found = [node for node in body if isinstance(node, ast.ClassDef) and node.name == name]
    if not found:
        return None
    first = min([found[-1].lineno, *(decorator.lineno for decorator in found[-1].decorator_list)])
    return "\n".join(text.splitlines()[first - 1 : found[-1].end_lineno])


def _define(name: str, text: str, kinds: tuple[type[ast.stmt], ...]) -> Definition:
    source = _in_the_first_column(text, name)
    tree = ast.parse(source)
    # What was indented and cannot be otherwise is inside of an ``if``.
    (found,) = tree.body[0].body if isinstance(tree.body[0], ast.If) else tree.body
    if not isinstance(found, kinds) or getattr(found, "name", "") != name:
        raise EvonasError(f"the source of {name} has changed since it was defined: define it again")
    neutral = _WithoutAnnotations()
    neutral.visit(found)
    paths = frozenset(filter(None, map(_path, ast.walk(found))))
    uses = _Uses()
    uses.add(symtable.symtable(ast.unparse(ast.Module([found], [])), name, "exec"), at_once=True)
    return Definition(
        name=name,
        source=source,
        at_once=tuple(sorted((uses.at_once | neutral.in_classes) - {name})),
        later=tuple(sorted(uses.later - uses.at_once - neutral.in_classes - {name})),
        optional=frozenset(uses.assigned | (neutral.in_classes - uses.at_once - uses.later)),
        paths=paths,
        decorated=bool(getattr(found, "decorator_list", ())),
    )


def _in_the_first_column(text: str, name: str) -> str:
    """Return a source that may be indented so that it stands alone; lines inside of texts stay as they are."""
    dedented = textwrap.dedent(text).rstrip() + "\n"
    try:
        tree = ast.parse(dedented)
        if not text[:1].isspace():
            return dedented
    except SyntaxError:
        tree = None
    nested = f"if True:\n{text.rstrip()}\n"
    try:
        (block,) = ast.parse(nested).body
    except SyntaxError as error:
        raise EvonasError(f"the source of {name} cannot stand alone: {error.msg}; define it by def") from error
    assert isinstance(block, ast.If)
    same = tree is not None and list(map(ast.dump, tree.body)) == list(map(ast.dump, block.body))
    return dedented if same else nested


class _WithoutAnnotations(ast.NodeTransformer):
    """Takes the annotations away, and keeps the names that those in the bodies of classes have."""

    def __init__(self) -> None:
        self.in_classes: set[str] = set()
        self._is_class = False

    def visit(self, node: ast.AST) -> Any:
        """Visit a node, in a class or not."""
        outside = self._is_class
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            self._is_class = isinstance(node, ast.ClassDef)
        if isinstance(node, ast.arg):
            node.annotation = None
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns = None
        if isinstance(node, ast.AnnAssign):
            if self._is_class:
                inside = ast.walk(node.annotation)
                self.in_classes |= {each.id for each in inside if isinstance(each, ast.Name)}
            # The assignment stays one, since it says whose the name is.
            node.annotation = ast.Constant(0)
        self.generic_visit(node)
        self._is_class = outside
        return node


class _Uses:
    """The names that a definition takes from outside."""

    def __init__(self) -> None:
        self.at_once: set[str] = set()
        self.later: set[str] = set()
        self.assigned: set[str] = set()
        """Declared global and assigned."""

    def add(self, table: symtable.SymbolTable, *, at_once: bool) -> None:
        """Add those of a scope and of the scopes in it."""
        is_module = table.get_type() == "module"
        for symbol in table.get_symbols():
            name = symbol.get_name()
            if is_module:
                if symbol.is_referenced():
                    self.at_once.add(name)
            elif symbol.is_global():
                (self.at_once if at_once else self.later).add(name)
                if symbol.is_assigned():
                    self.assigned.add(name)
        for inner in table.get_children():
            is_called = inner.get_type() == "function" and inner.get_name() not in _COMPREHENSIONS
            self.add(inner, at_once=at_once and not is_called)


def _path(node: ast.AST) -> tuple[str, ...]:
    """Return a name with the attributes after it, as far as this node reaches; empty if it is no such thing."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return (node.id, *reversed(names)) if isinstance(node, ast.Name) and names else ()
