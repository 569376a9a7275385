"""The command ``segconv``: a table of lazily imported commands, and the only place that handles errors.

``segconv --help`` imports neither commands nor numpy: the summaries are in `COMMANDS`.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import os
import shlex
import signal
import sys
from itertools import pairwise
from typing import Any, NoReturn

import click

from ..errors import EXIT_USAGE, Finding, Interrupted, SegconvError, exit_code_of
from ..version import VERSION
from ..work.allocator import keep_freed_memory
from ..work.interruption import answer_no_more, answer_once
from ..work.search_path import forget_relative_entries
from .cures import Speaker
from .help_pages import Context
from .options import OF_EVERY_COMMAND
from .shells import correct_shells
from .sink import print_findings
from .streams import settled, take_streams

COMMANDS: dict[str, str] = {
    "convert": "Convert data of any kind to an nnU-Net v2 dataset.",
    "totalseg": "Use TotalSegmentator as a source of labels: its tasks, weights and masks.",
    "labels": "Show, verify and change the labels of a dataset.",
    "check": "Check whether a dataset can be trained on, whichever tool made it.",
    "view": "Draw the cases of a dataset with their labels.",
    "report": "Write a report of a dataset as one HTML page.",
    "repair": "Repair a dataset, always into a new one.",
    "splits": "Make, show and verify the folds of a dataset.",
    "augment": "Multiply a dataset by rotations and HU shifts.",
    "plan": "Let nnU-Net check, plan and preprocess a dataset.",
    "plans": "Show the plans of a dataset, or derive a configuration.",
    "rehearse": "Rehearse a training on a tiny dataset, from planning to restored predictions.",
    "train": "Train one fold or several; the same command resumes.",
    "cascade": "Train both stages of a cascade; the same command resumes.",
    "finetune": "Train from the weights of another dataset; the same command resumes.",
    "trainers": "Show trainers and what one does to a case, or start one of your own.",
    "best": "Find the best trained model, or ensemble of two.",
    "infer": "Predict your own files, under your own names and values.",
    "predict": "Predict your own files with a model from elsewhere.",
    "models": "Carry trained models to another machine, or list what an archive holds.",
    "restore": "Bring predictions back to your own names and values.",
    "evaluate": "Score predictions against reference masks.",
    "stress": "Measure how much a trained model depends on pose and grey values.",
    "status": "Show how far a dataset is, and the next command.",
    "doctor": "Examine whether this machine can train.",
    "paths": "Make nnU-Net's three folders, or show where they are.",
    "nnunet": "Run any command of the installed nnU-Net with the folders set.",
    "abort": "Remove what an unfinished run left.",
    "demo": "See everything at work on real pictures, in minutes.",
}
"""Name → summary; each command is the attribute ``command`` of a module of its name."""

PARTS = {"convert": "Datasets", "plan": "Training", "best": "Prediction and scores", "status": "Overview and setup"}
"""First command → heading of it and those that follow."""

_UTF8_MODE = "PYTHONUTF8"

_HELP_ASKED: tuple[type[click.ClickException], ...] = tuple(
    filter(None, [getattr(click.exceptions, "NoArgsIsHelpError", None)])
)
"""What click raises for a group without a command; before 8.2 it printed the help itself."""


class Lazy(click.Group):
    """A group that imports a command on request."""

    context_class = Context

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of a typical workflow."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of a command, and give the command its name, which its function does not have."""
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = importlib.import_module(f".{cmd_name}", __package__).command
        found.name = cmd_name
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them, by what they are for."""
        widest = max(map(len, COMMANDS))
        names = list(COMMANDS)
        starts = [*map(names.index, PARTS), len(names)]
        for part, (start, stop) in zip(PARTS.values(), pairwise(starts), strict=True):
            with formatter.section(part):
                formatter.write_dl([(name.ljust(widest), COMMANDS[name]) for name in names[start:stop]])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Suggest similar names for an unknown command."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-") and not ctx.resilient_parsing:
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, n=3)
            raise SegconvError(
                f"no such command: {args[0]}",
                hint=f"did you mean {' or '.join(near)}?" if near else "segconv --help lists all commands",
            )
        return super().resolve_command(ctx, args)


@click.command(
    cls=Lazy,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="segconv COMMAND --help explains a command, with an example.",
)
@click.version_option(VERSION, "--version", message="segconv %(version)s")
def group() -> None:
    """Convert any segmentation data to nnU-Net v2, augment it, train, and get predictions back.

    Predictions come under your own file names and label values.
    """


correct_shells()


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and end the process with its exit code.

    Parameters
    ----------
    arguments
        Arguments; ``sys.argv[1:]`` by default.
    """
    if arguments is None and sys.getfilesystemencoding() != "utf-8" and os.environ.get(_UTF8_MODE) != "1":
        # File names are bytes, and nearly always UTF-8, whatever the locale: read in another encoding
        # they would not match those in a json, and would give other case identifiers.
        again = [sys.executable, *sys.orig_argv[1:]]
        os.execve(sys.executable, again, os.environ | {_UTF8_MODE: "1"})  # noqa: S606 - the same command
    if arguments is None:
        forget_relative_entries()
        # Looking for garbage in what is left at the end takes 0.2 s once Numba was loaded.
        atexit.register(gc.freeze)
    arguments = sys.argv[1:] if arguments is None else arguments
    out = take_streams()
    answer_once()
    # Matrices here have four rows: starting threads takes longer than they save. nnU-Net's
    # processes do not inherit this.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    keep_freed_memory()
    code = run(arguments)
    # The result is final: only workers still have to end.
    answer_no_more()
    code, lost = settled(code, out)
    print_findings(lost, as_json=False)
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Run the command line, report any error, and return the exit code."""
    from ..work.unforeseen import unforeseen

    as_json = _wants_json(arguments)
    speaker = Speaker()
    speaker.again = shlex.join(["segconv", *arguments])

    def report(*findings: Finding) -> None:
        print_findings(speaker.all_in_words(findings), as_json=as_json, typed=speaker.typed)

    try:
        result: Any = group.main(args=arguments, prog_name="segconv", standalone_mode=False, obj=speaker)
        return result if isinstance(result, int) else 0
    except SegconvError as error:
        if os.environ.get("SEGCONV_DEBUG"):
            raise
        report(*error.findings)
        return error.exit_code
    except click.exceptions.Exit as error:
        return error.exit_code
    except _HELP_ASKED as error:
        error.show()  # the help, unchanged
        return error.exit_code
    except click.ClickException as error:
        report(_usage(error))
        return EXIT_USAGE
    except (click.Abort, KeyboardInterrupt) as error:
        answer = _interrupted(error)
        report(*answer.findings)
        return answer.exit_code
    except Exception as error:
        if os.environ.get("SEGCONV_DEBUG"):
            raise
        found = unforeseen(error, "")
        report(found)
        return exit_code_of((found,))


def _wants_json(arguments: list[str]) -> bool:
    own = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return "--json" in own


def _interrupted(error: BaseException) -> Interrupted:
    asked = error if isinstance(error, KeyboardInterrupt) else error.__cause__  # click's own error hides it
    return Interrupted("interrupted", signal_number=asked.args[0] if asked and asked.args else signal.SIGINT)


def _usage(error: click.ClickException) -> Finding:
    """Return click's error about the command line as a finding."""
    context = getattr(error, "ctx", None)
    help_command = f"{context.command_path} --help" if context is not None else "segconv --help"
    if (
        isinstance(error, click.NoSuchOption)
        and error.option_name in OF_EVERY_COMMAND
        and context is not None
        and isinstance(context.command, click.Group)
    ):
        what = f"{error.option_name} is an option of commands, and comes after one"
        return Finding("SC001", what, hint=f"{help_command} lists the commands")
    wanted = _wanted(error.param) if isinstance(error, click.MissingParameter) else ""
    return Finding("SC001", error.format_message().rstrip("."), hint=f"{wanted}see {help_command}")


def _wanted(param: click.Parameter | None) -> str:
    """Return what to give for a missing option or argument, as the help names it."""
    if isinstance(param, click.Option):
        return f"give {param.opts[0]} {param.metavar or param.type.name.upper()}; "
    return "" if param is None else f"give {param.human_readable_name}; "
