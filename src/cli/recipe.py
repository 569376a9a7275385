"""Recipes: options of a command in a TOML file; options on the command line override them."""

from __future__ import annotations

import functools
import json
import os
import reprlib
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import click
from click.core import ParameterSource

from .. import reading
from ..errors import SegconvError, naming
from .options import PATH, option
from .types import TYPED, Parsed

F = TypeVar("F", bound=Callable[..., Any])

LARGEST_BYTES = 1 << 20


def recipes(*keys: str, exclusive: Sequence[tuple[str, str]] = ()) -> Callable[[F], F]:
    """Add ``--recipe`` and ``--save-recipe`` to a command.

    Parameters
    ----------
    keys
        Options that a recipe may hold, by long name without dashes, such as ``"hu-shift"``.
    exclusive
        Pairs that exclude each other: an option on the command line drops the other one of a recipe.
    """

    def read(context: click.Context, _: click.Parameter, path: Path | None) -> None:
        if path is not None:
            context.default_map = {**(context.default_map or {}), **_read(path, context, keys)}

    def decorate(function: F) -> F:
        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            context = click.get_current_context()
            names = _names(context.command, keys)
            for pair in exclusive:
                for given, other in (pair, pair[::-1]):
                    sources = [context.get_parameter_source(names[key]) for key in (given, other)]
                    if sources == [ParameterSource.COMMANDLINE, ParameterSource.DEFAULT_MAP]:
                        context.params[names[other]] = kwargs[names[other]] = None  # `save` looks at the former
            return function(*args, **kwargs)

        decorated: Any = wrapped
        for add in (
            option(
                "--save-recipe",
                type=PATH,
                metavar="TOML",
                help="Save the options to a file, for --recipe.",
            ),
            option(
                "--recipe",
                type=PATH,
                metavar="TOML",
                is_eager=True,
                expose_value=False,
                callback=read,
                help="Take options from a file; those on the command line override it.",
            ),
        ):
            decorated = add(decorated)
        return cast(F, decorated)

    return decorate


def save(path: Path, keys: Sequence[str]) -> None:
    """Write the options of the running command that were given or came from a recipe.

    Raises
    ------
    SegconvError
        What `refuse_unsavable` raises; ``SC032`` if the disk is full.
    """
    from ..work import fsops
    from ..work.writing import writing

    refuse_unsavable(path, keys)
    if not os.path.lexists(path):
        with writing(path):
            fsops.create(path, _toml(keys))


def refuse_unsavable(path: Path, keys: Sequence[str]) -> None:
    """Refuse a name that `save` could not write a recipe to.

    Raises
    ------
    SegconvError
        ``SC020`` if anything but the same recipe has the name; ``SC031`` if it cannot be written.
    """
    from ..work.preflight import refuse_unwritable_name

    refuse_unwritable_name(path)
    _refuse_other(path, _toml(keys))


def _toml(keys: Sequence[str]) -> bytes:
    context = click.get_current_context()
    names = _names(context.command, keys)
    lines = [f"[{context.info_name}]"]
    for key, name in names.items():
        said = context.get_parameter_source(name) in (ParameterSource.COMMANDLINE, ParameterSource.DEFAULT_MAP)
        if said and context.params[name] is not None:
            value = context.meta.get(TYPED, {}).get(name, context.params[name])
            # JSON for text, numbers, booleans and lists of them is valid TOML.
            lines.append(f"{key} = {json.dumps(value, ensure_ascii=True)}")
    return "\n".join([*lines, ""]).encode()


def _refuse_other(path: Path, text: bytes) -> None:
    """Refuse a path that holds anything but the same recipe: it is never replaced."""
    if not reading.is_there(path, links_followed=False):
        return
    try:
        if reading.whole(os.path.realpath(path), LARGEST_BYTES) == text:
            return
        found = "with other content"
    except FileNotFoundError:
        found = "and is a link to nowhere"
    except OSError as error:
        raise reading.refusal(error, path) from error
    except SegconvError as error:
        found = f"and {error.message}"
    raise SegconvError(
        f"already exists, {found}",
        code="SC020",
        file=str(path),
        hint="give the recipe another name: existing files are not replaced",
    )


def _read(path: Path, context: click.Context, keys: Sequence[str]) -> dict[str, Any]:
    """Return the values of a recipe, keyed by the names of click's parameters.

    Raises
    ------
    SegconvError
        ``SC010`` if the file does not exist, ``SC042`` if it is not a recipe of the command.
    """
    try:
        with naming(str(path)):
            data = reading.whole(os.path.realpath(path), LARGEST_BYTES)
        found = tomllib.loads(data.decode())
    except FileNotFoundError as error:
        raise SegconvError("does not exist", code="SC010", file=str(path)) from error
    except OSError as error:
        raise reading.refusal(error, path) from error
    except SegconvError as error:  # a folder, pipe or device, or too long
        raise SegconvError(error.message, code="SC042", file=str(path), hint="give the file of a recipe") from error
    except (ValueError, RecursionError) as error:  # invalid TOML or UTF-8
        raise SegconvError(f"is not TOML ({error})", code="SC042", file=str(path)) from error
    section = found.get(str(context.info_name))
    if not isinstance(section, dict):
        raise SegconvError(f"has no table [{context.info_name}]", code="SC042", file=str(path))
    options = _options(context.command, keys)
    unknown = sorted(set(section) - set(options))
    if unknown:
        raise SegconvError(
            f"[{context.info_name}] knows no {', '.join(map(repr, unknown))}",
            code="SC042",
            file=str(path),
            hint=f"known are {', '.join(options)}",
        )
    with naming(str(path)):
        return {str(options[key].name): _value(key, value, options[key].type) for key, value in section.items()}


def _value(key: str, value: Any, kind: click.ParamType[Any]) -> Any:
    """Return a value as it may be typed; a list may replace text with commas.

    Raises
    ------
    SegconvError
        ``SC042`` if it does not have the type of the option or is not one of its choices.
    """
    found = f"{key} is {json.dumps(value) if isinstance(value, bool) else reprlib.repr(value)}"
    if isinstance(kind, (click.types.StringParamType, Parsed)):
        texts = [_text(part) for part in (value if isinstance(value, list) else [value])]
        fitting, expected = bool(texts) and None not in texts, "text, a number or a list of them"
        value = ",".join(map(str, texts))
    else:
        fitting, expected = _fits(value, kind)
    if not fitting:
        raise SegconvError(f"{found}, expected {expected}", code="SC042")
    try:
        converted = kind.convert(value, None, None)
    except click.BadParameter as error:
        raise SegconvError(f"{found}: {error.message.rstrip('.')}", code="SC042") from error
    except OverflowError as error:
        raise SegconvError(f"{found}, expected a smaller number", code="SC042") from error
    return value if isinstance(kind, Parsed) else converted


def _fits(value: Any, kind: click.ParamType[Any]) -> tuple[bool, str]:
    """Return whether a value has the type of an option, and what that type is."""
    if isinstance(kind, click.Choice):
        return isinstance(value, str), f"one of {', '.join(kind.choices)}"
    if isinstance(kind, click.types.BoolParamType):
        return isinstance(value, bool), "true or false"
    if isinstance(kind, click.types.IntParamType):
        return type(value) is int, "a whole number"
    return type(value) in (int, float), "a number"


def _text(value: Any) -> str | None:
    """Return text or a number as it is typed, or None for anything else."""
    return str(value) if isinstance(value, (str, int, float)) and not isinstance(value, bool) else None


def _options(command: click.Command, keys: Sequence[str]) -> dict[str, click.Parameter]:
    """Return option → its parameter, in the order of `keys`."""
    by_option = {opt.removeprefix("--"): param for param in command.params for opt in param.opts}
    return {key: by_option[key] for key in keys}


def _names(command: click.Command, keys: Sequence[str]) -> dict[str, str]:
    """Return option → name of its parameter, in the order of `keys`."""
    return {key: str(param.name) for key, param in _options(command, keys).items()}
