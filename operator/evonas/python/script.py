"""From a function to a script that any image can run: its source, and of its module what it uses.

Modules are imported, so the image must have them; functions and classes of the function's own module are copied, and
so are constants. Everything else is an object that lives in this process only: an error names it. The same function
gives the same script, so that a search can tell whether it has changed.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import math
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from types import ModuleType
from typing import Any

from evonas.errors import EvonasError
from evonas.python.definitions import Definition, define_class, define_function

_MISSING = object()
_IPYTHON = ("display", "get_ipython")
"""What IPython adds to the names that are always there."""


def script_of(function: Callable[..., Any], metric: str | Sequence[str] | None) -> str:
    """Return a script that runs ``function`` as a trial (``evonas_trial.function``), ``metric`` being what counts, or
    several.

    EvonasError names what the function uses and a script cannot have.
    """
    plain = _plain(function)
    name = getattr(plain, "__name__", type(plain).__name__)
    if not inspect.isfunction(plain) or plain.__name__ == "<lambda>":
        kind = "a lambda" if inspect.isfunction(plain) else f"of type {type(function).__name__}"
        raise EvonasError(
            f"submit: only a function that is defined by def can be written into a script, {name} is {kind}"
        )
    script = _Script(plain.__globals__, plain.__module__)
    script.define(name, function)
    # Not ``from evonas_trial.function import run``: the function may have that name.
    call = f"evonas_trial.function.run({name}, metric={metric!r})"
    return script.text(f'if __name__ == "__main__":\n    import evonas_trial.function\n\n    {call}\n')


def source_of(function: Callable[..., Any]) -> str:
    """Return a function's own source, for the record; a note if it has none."""
    try:
        return textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError):
        return f"# The source of {getattr(function, '__name__', type(function).__name__)} cannot be read.\n"


def _plain(value: Any) -> Any:
    """Return what decorators have wrapped."""
    try:
        return inspect.unwrap(value)
    except ValueError:
        # An object that has every attribute one asks for.
        return value


def needed_modules(script: str) -> tuple[str, ...]:
    """Return what a script imports that an image must have: no modules of Python's own, nor those mounted with it."""
    imported: set[str] = set()
    for node in ast.walk(ast.parse(script)):
        if isinstance(node, ast.Import):
            imported |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported.add(node.module)
    roots = {name.partition(".")[0] for name in imported}
    return tuple(sorted(roots - sys.stdlib_module_names - {"evonas_trial"}))


class _Script:
    """A script as it grows."""

    def __init__(self, module: Mapping[str, Any], module_name: str) -> None:
        self._module = module
        self._module_name = module_name
        self._reached: set[str] = set()
        """Modules that are reached by attributes."""
        self._imports: set[str] = set()
        self._constants: dict[str, str] = {}
        self._definitions: dict[str, tuple[str, tuple[str, ...]]] = {}
        """By name: the source, and the names that it needs when it is defined."""
        self._names: set[str] = set()
        """Those that are there, or are being put there."""
        self._statements: Mapping[str, tuple[str, str]] | None = None

    def text(self, last: str) -> str:
        """Return the script, with ``last`` at its end."""
        constants = [f"{name} = {literal}" for name, literal in sorted(self._constants.items())]
        # With a module come those that it is in.
        inner = [each for each in sorted(self._reached) if not any(o.startswith(f"{each}.") for o in self._reached)]
        imports = [*(f"import {module}" for module in inner), *sorted(self._imports)]
        blocks = [
            "\n".join(["from __future__ import annotations", "", *imports, "", *constants]).rstrip() + "\n",
            *self._in_order(),
            last,
        ]
        return "\n\n".join(blocks)

    def _in_order(self) -> Iterable[str]:
        """Return the definitions as the module has them, in which order they have worked: what is called by a default,
        say, needs all that it calls in turn. A name that was defined anew, as in a notebook, may stand before what it
        needs since then: that is brought forward.
        """
        places = {name: place for place, name in enumerate(self._module)}
        written: dict[str, str] = {}
        begun: set[str] = set()

        def write(name: str) -> None:
            if name in self._definitions and name not in begun:
                begun.add(name)
                source, at_once = self._definitions[name]
                for needed in at_once:
                    write(needed)
                written[name] = source

        for name in sorted(self._definitions, key=lambda name: places.get(name, len(places))):
            write(name)
        return written.values()

    def define(self, name: str, value: Any) -> None:
        """Add a function or class of the module with all that it uses."""
        self._names.add(name)
        definition = self._definition(name, value)
        self._definitions[name] = (definition.source, definition.at_once)
        for needed in (*definition.at_once, *definition.later):
            self._add(needed, definition)
        for path in definition.paths:
            self._add_submodules(path)

    def _definition(self, name: str, value: Any) -> Definition:
        if inspect.isclass(value):
            return define_class(value, self._module)
        plain = _plain(value)
        if plain.__name__ == "<lambda>":
            raise EvonasError(
                f"submit: {name} is a lambda, whose source cannot be told from the line's: define it by def"
            )
        if plain.__closure__:
            inside = ", ".join(map(repr, plain.__code__.co_freevars))
            raise EvonasError(
                f"submit: {name} uses {inside} of the function around it, which a script does not have: create it"
                f" inside {name}, or at the top level of its module"
            )
        definition = define_function(plain)
        if plain is not value and not definition.decorated:
            raise EvonasError(f"submit: {name} was wrapped by a call, which its source does not show: use a decorator")
        return definition

    def _add(self, name: str, user: Definition) -> None:
        """Add a name that a definition uses."""
        value = self._module.get(name, _MISSING)
        if name in self._names or (name.startswith("__") and name.endswith("__")):
            return
        if value is _MISSING:
            if name in user.optional or (hasattr(builtins, name) and name not in _IPYTHON):
                return
            said = "which only a notebook has: leave it out" if name in _IPYTHON else "which is not defined"
            raise EvonasError(f"submit: {user.name} uses {name!r}, {said}")
        if isinstance(value, ModuleType):
            self._names.add(name)
            self._imports.add(_import(value.__name__, name))
        elif self._is_of_the_module(value):
            self._add_own(name, value)
        elif (literal := literal_of(value)) is not None:
            self._names.add(name)
            self._constants[name] = literal
        elif origin := self._origin(name, value):
            self._names.add(name)
            self._imports.add(f"from {origin[0]} import {origin[1]}" + (f" as {name}" if origin[1] != name else ""))
        elif name not in user.optional:
            raise EvonasError(
                f"submit: {user.name} uses {name!r}, an object of type {type(value).__name__}, which a script cannot"
                f" have: create it inside {user.name}"
            )

    def _is_of_the_module(self, value: Any) -> bool:
        is_defined = inspect.isclass(value) or inspect.isfunction(_plain(value))
        return is_defined and getattr(value, "__module__", None) == self._module_name

    def _add_own(self, name: str, value: Any) -> None:
        """Add a function or class of the module under one of its names."""
        own: str = value.__name__
        if own not in (name, "<lambda>") and self._module.get(own) is value:
            if own not in self._names:
                self.define(own, value)
            self._names.add(name)
            self._definitions[name] = (f"{name} = {own}\n", (own,))
        elif own in (name, "<lambda>"):
            self.define(name, value)
        else:
            raise EvonasError(
                f"submit: {name!r} is made by a call, from {own}: create it inside the function that uses it"
            )

    def _origin(self, name: str, value: Any) -> tuple[str, str] | None:
        """Return the module that an object was imported from, and its name there; None if that is unknown."""
        if self._statements is None:
            self._statements = _import_statements(self._module, self._module_name)
        stated = self._statements.get(name)
        if stated and getattr(sys.modules.get(stated[0]), stated[1], _MISSING) is value:
            return stated
        own, parts = getattr(value, "__name__", None), str(getattr(value, "__module__", "")).split(".")
        # The shortest path is the public one: sklearn.model_selection rather than sklearn.model_selection._split.
        for module in (".".join(parts[: length + 1]) for length in range(len(parts))):
            if own and module != self._module_name and getattr(sys.modules.get(module), own, _MISSING) is value:
                return module, own
        return None

    def _add_submodules(self, path: tuple[str, ...]) -> None:
        """Import the modules that are reached by attributes: ``import a`` alone may not make ``a.b`` known."""
        module, found = self._module.get(path[0]), ""
        for attribute in path[1:]:
            if not isinstance(module, ModuleType):
                break
            inner = getattr(module, attribute, None)
            full = f"{module.__name__}.{attribute}"
            if isinstance(inner, ModuleType) and sys.modules.get(full) is inner:
                found = full
            module = inner
        if found:
            self._reached.add(found)


def literal_of(value: Any) -> str | None:
    """Return an expression for a value made of Python's own types, the same whenever it is asked; None for others."""
    try:
        return _literal(value)
    except (_NoLiteral, RecursionError):
        return None


class _NoLiteral(Exception):
    """A value is not made of Python's own types."""


def _literal(value: Any) -> str:
    kind = type(value)
    if kind in (bool, int, str, bytes, type(None)):
        return repr(value)
    if kind is float:
        return repr(value) if math.isfinite(value) else f'float("{value}")'
    if kind is complex:
        return f"complex({_joined((value.real, value.imag))})"
    if kind is dict:
        return "{" + ", ".join(f"{_literal(key)}: {_literal(item)}" for key, item in value.items()) + "}"
    if kind in (set, frozenset):
        # Their own order differs between two processes.
        return f"{kind.__name__}([{', '.join(sorted(map(_literal, value)))}])"
    if kind not in (list, tuple):
        raise _NoLiteral
    return f"[{_joined(value)}]" if kind is list else f"({_joined(value)}{',' * (len(value) == 1)})"


def _joined(values: Iterable[Any]) -> str:
    return ", ".join(map(_literal, values))


def _import(module: str, name: str) -> str:
    return f"import {module}" if module == name else f"import {module} as {name}"


def _import_statements(module: Mapping[str, Any], module_name: str) -> dict[str, tuple[str, str]]:
    """Return the names that a module, or a notebook's cells, import from others: their module and name there."""
    texts: list[str] = list(module.get("_ih", ()))
    # A notebook has no file, nor has every module: then the objects' own names must do.
    with suppress(KeyError, OSError, TypeError):
        texts.append(inspect.getsource(sys.modules[module_name]))
    found: dict[str, tuple[str, str]] = {}
    for text in texts:
        try:
            nodes = list(ast.walk(ast.parse(text)))
        except SyntaxError:
            continue
        for node in nodes:
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found |= {each.asname or each.name: (node.module, each.name) for each in node.names}
    return found
