"""What ``--help`` shows: options in groups, subcommands in the order of their use, an example that can be copied."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable
from typing import Any

import click

from .terminal import broken

OWN = "Options"
MODEL = "Model"
TRAINING = "Training"
WRITTEN = "What is written"
CODE = "Code and models of others"
RUNNING = "Running"
FOLDERS = "nnU-Net's folders"
MESSAGES = "Messages and help"
_LAST = (CODE, RUNNING, FOLDERS, MESSAGES)
"""Groups that commands have in common, after those of their own; `OWN` is the first."""

_WIDEST_NAME = 30
"""Options with longer names have their help on the next line."""
_INDENTED = 2

_GLUE = "\ue000"
"""Replaces hyphens while text is wrapped, because click breaks lines at them."""

Decorator = Callable[[Any], Any]


class Page(click.HelpFormatter):
    """A help text that is not broken within a word such as ``nnU-Net`` or ``--dry-run``."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Write the line that begins with ``Usage:``."""
        super().write_usage(prog, args.replace("-", _GLUE), prefix)

    def write_text(self, text: str) -> None:
        """Write paragraphs."""
        super().write_text(text.replace("-", _GLUE))

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Write a list of options or commands."""
        super().write_dl([(name, text.replace("-", _GLUE)) for name, text in rows], col_max, col_spacing)

    def getvalue(self) -> str:
        """Return the text."""
        return super().getvalue().replace(_GLUE, "-")


class Context(click.Context):
    """A context whose help is a `Page`."""

    formatter_class = Page


class Option(click.Option):
    """An option that belongs to a group.

    Parameters
    ----------
    group
        Heading under which the help lists it.
    """

    def __init__(self, *args: Any, group: str = OWN, **attributes: Any) -> None:
        super().__init__(*args, **attributes)
        self.group = group
        if self.metavar is None and not self.is_flag:
            self.metavar = _metavar(self.type)

    def get_help_extra(self, ctx: click.Context) -> Any:
        """Return what stands in brackets after the help, without lower bounds, which go without saying."""
        extra = super().get_help_extra(ctx)
        if isinstance(self.type, click.IntRange | click.FloatRange) and self.type.max is None:
            extra.pop("range", None)
        return extra


def _metavar(type_: click.ParamType[Any]) -> str | None:
    """Return what stands for a value of this type in help texts; None for click's own."""
    if isinstance(type_, click.Path):
        return "PATH" if type_.file_okay else "FOLDER"
    by_type = {click.types.IntParamType: "N", click.types.FloatParamType: "X", click.types.StringParamType: "NAME"}
    return next((name for known, name in by_type.items() if isinstance(type_, known)), None)


def grouped(name: str, *options: Decorator) -> tuple[Decorator, ...]:
    """Return decorators that add options as those of a group."""

    def of_group(add: Decorator) -> Decorator:
        def decorate(function: Any) -> Any:
            decorated = add(function)
            decorated.__click_params__[-1].group = name
            return decorated

        return decorate

    return tuple(map(of_group, options))


class Command(click.Command):
    """A command whose help lists its options in groups."""

    context_class = Context

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, group by group; those that other commands have too come last."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx) if isinstance(param, click.Option) else None
            if record is not None:
                group = param.group if isinstance(param, Option) else MESSAGES  # click's own --help
                groups.setdefault(group, []).append(record)
        widest = max((len(name) for records in groups.values() for name, _ in records), default=0)
        for group in sorted(groups, key=_rank):
            with formatter.section(group):
                formatter.write_dl([(name.ljust(min(widest, _WIDEST_NAME)), text) for name, text in groups[group]])

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what the command does, and what its DATASET may be."""
        super().format_help_text(ctx, formatter)
        takes_dataset = any(isinstance(param, click.Argument) and param.name == "dataset" for param in self.params)
        if takes_dataset and not re.search(r"^\s*DATASET is", self.help or "", re.MULTILINE):
            formatter.write_paragraph()
            with formatter.indentation():
                formatter.write_text("DATASET is an id such as 42, a name such as 42_Liver, or a path.")

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the example, in lines that run as one command."""
        _write_example(self.epilog or "", formatter)


class Group(click.Group):
    """A group of commands, in the order in which they are used, each with its whole summary."""

    command_class = Command
    context_class = Context

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of their declaration."""
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with their summaries."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary_of(self.commands[name])) for name in self.list_commands(ctx)])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the example, likewise."""
        _write_example(self.epilog or "", formatter)


def example(text: str) -> str:
    """Return the example at the end of a help text; a test runs it."""
    return f"\b\nExample:\n  {text}"


def summary_of(command: click.Command) -> str:
    """Return the first line of a command's help."""
    return (command.help or "").split("\n")[0]


def _rank(group: str) -> int:
    return _LAST.index(group) if group in _LAST else -2 if group == OWN else -1


def _write_example(epilog: str, formatter: click.HelpFormatter) -> None:
    lines = inspect.cleandoc(epilog).split("\n")
    columns = formatter.width - _INDENTED
    formatter.write_paragraph()
    with formatter.indentation():
        formatter.write_text("\n".join(part for line in lines for part in broken(line, columns, [line.strip()])))
