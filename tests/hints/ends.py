"""How walks ended: in a dataset, in a question, in advice about the user's files, or wrongly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

KINDS = ("dataset", "command", "question", "file", "dead")
"""A dataset that is right, or a command that succeeds; a command that takes too long to be run; options or edits among which a person must decide; files that
only who has others can replace; and what names nothing that can be done."""


@dataclass
class Ends:
    """How walks ended: (command, kind, hints followed) → number; what was wrong, and what was printed last."""

    starts: int = 0
    ended: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    last: dict[str, list[str]] = field(default_factory=lambda: {kind: [] for kind in KINDS})

    def end(self, command: str, kind: str, steps: int, said: str) -> None:
        """Count an end."""
        self.ended[command, kind, steps] += 1
        self.last[kind].append(said)

    def of(self, kind: str, steps: int | None = None) -> int:
        """Return how many walks ended so, after any number of hints or after this one."""
        return sum(n for (_, one, after), n in self.ended.items() if one == kind and steps in (None, after))

    def lines(self) -> Iterator[str]:
        """Yield a line for each command."""
        for command in dict.fromkeys(command for command, *_ in self.ended):
            kinds = []
            for kind in KINDS:
                steps = {
                    after: n for (name, one, after), n in sorted(self.ended.items()) if (name, one) == (command, kind)
                }
                if steps:
                    after = ", ".join(f"{n} after {step}" for step, n in steps.items())
                    kinds.append(f"{sum(steps.values())} {kind} ({after})")
            yield f"{command}: {'; '.join(kinds)}"

    def __str__(self) -> str:
        return "\n  ".join([f"{self.starts} starts, {len(self.wrong)} wrong", *self.lines()])
