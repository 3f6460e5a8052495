"""The findings as lines for people, told as they come, or as one object for programs."""

from __future__ import annotations

from typing import Any, TextIO

from rich.console import Console
from rich.text import Text

from cex.cli.doctor.findings import Finding, Status

__all__ = ["Report"]

_MARKS = {Status.OK: ("ok    ", "green"), Status.FAILED: ("FAILED", "bold red"), Status.SKIPPED: ("-     ", "dim")}
_NAMES = 15


class Report:
    """Collects findings; ``as_lines`` writes each to ``out`` at once."""

    def __init__(self, out: TextIO, *, as_lines: bool) -> None:
        self.findings: list[Finding] = []
        self._console = Console(file=out, highlight=False, soft_wrap=True) if as_lines else None
        self._section: tuple[str, str | None] | None = None

    @property
    def is_well(self) -> bool:
        """Whether nothing failed."""
        return not any(finding.status is Status.FAILED for finding in self.findings)

    def add(self, finding: Finding) -> None:
        """Take a finding, and write it where lines are wanted."""
        self.findings.append(finding)
        if self._console is None:
            return
        section = (finding.exchange, finding.account)
        if section != self._section:
            self._section = section
            title = finding.exchange if finding.account is None else f"{finding.exchange}, account {finding.account}"
            self._console.print(Text(title, style="bold"))
        mark, style = _MARKS[finding.status]
        self._console.print(Text.assemble("  ", (mark, style), f"  {finding.check:<{_NAMES}}  {finding.summary}"))
        if finding.fix:
            self._console.print(Text.assemble(" " * 10, ("fix: ", "bold"), finding.fix))

    def sum_up(self) -> None:
        """The last line."""
        if self._console is not None:
            failed = sum(finding.status is Status.FAILED for finding in self.findings)
            looked_at = sum(finding.status is not Status.SKIPPED for finding in self.findings)
            style = "bold red" if failed else "bold green"
            text = f"{failed} of {looked_at} checks failed" if failed else f"all well: {looked_at} checks"
            self._console.print(Text(text, style=style))

    def json(self) -> dict[str, Any]:
        """``ok``, and under ``exchanges`` the checks of each in the order in which they were made."""
        exchanges: dict[str, Any] = {}
        for finding in self.findings:
            entry = exchanges.setdefault(finding.exchange, {"ok": True, "checks": []})
            entry["ok"] &= finding.status is not Status.FAILED
            entry["checks"].append(finding.json())
        return {"ok": self.is_well, "exchanges": exchanges}
