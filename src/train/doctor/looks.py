"""What was examined, what was found, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ...errors import Finding


@dataclass(frozen=True)
class Look:
    """One examined thing.

    Parameters
    ----------
    subject
        What was examined, such as ``"PyTorch"``.
    found
        What it is, in words, such as ``"2.8.0, for CUDA 12.6"``.
    findings
        What is wrong with it; none if it is fine.
    """

    subject: str
    found: str
    findings: tuple[Finding, ...] = ()

    @property
    def verdict(self) -> str:
        """``"ok"``, ``"warning"`` or ``"error"``."""
        found = {finding.severity for finding in self.findings}
        return next((verdict for verdict in ("error", "warning") if verdict in found), "ok")


def findings_of(looks: Iterable[Look]) -> list[Finding]:
    """Return the findings of all looks, in order."""
    return [finding for look in looks for finding in look.findings]
