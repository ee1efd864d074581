"""Medians, ratios and marks of a run, as data for a file and as a table for people.

Called by `__main__`. Pure.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.rows import Mark, Measure
from bench.target import APACHE, OPENSSH, OURS, RCLONE, Sizes

_COLUMNS = (OURS, OPENSSH, RCLONE, APACHE)


@dataclass(slots=True)
class Figures:
    """What was measured of one measure: by server, the value and the server's processor seconds of each round."""

    measure: Measure
    values: dict[str, list[float]] = field(default_factory=dict)
    cpu_seconds: dict[str, list[float]] = field(default_factory=dict)

    def add(self, name: str, value: float, cpu_seconds: float) -> None:
        """One round of the server `name`."""
        self.values.setdefault(name, []).append(value)
        self.cpu_seconds.setdefault(name, []).append(cpu_seconds)

    def median(self, name: str) -> float | None:
        """The median of the server `name`; None where it was not measured."""
        values = self.values.get(name)
        return statistics.median(values) if values else None

    def against(self, mark: Mark) -> float | None:
        """What is held against `mark`: our median, or the median of each round's ratio. None without that peer.

        A round measures all servers within seconds, so that a machine which is slow for a minute is so for all of them.
        """
        if mark.peer is None:
            return self.median(OURS)
        rounds = zip(self.values.get(OURS, ()), self.values.get(mark.peer, ()), strict=False)
        ratios = [ours / theirs for ours, theirs in rounds if theirs > 0]
        return statistics.median(ratios) if ratios else None

    def verdicts(self) -> list[dict[str, Any]]:
        """For each mark what it is, what was measured, and whether it was reached (None: nothing to compare with)."""
        made = []
        for mark in self.measure.marks:
            got = self.against(mark)
            for kind, wanted in (("must", mark.must), ("goal", mark.goal)):
                if wanted is not None:
                    reached = None if got is None else self.measure.reached(got, wanted)
                    made.append({"mark": kind, "peer": mark.peer, "wanted": wanted, "got": got, "reached": reached})
        return made


def as_data(run: Sequence[Figures], sizes: Sizes) -> list[dict[str, Any]]:
    """Everything, for JSON."""
    return [
        {
            "row": figures.measure.row,
            "measure": figures.measure.what(sizes),
            "unit": figures.measure.unit,
            "median": {name: figures.median(name) for name in figures.values},
            "rounds": figures.values,
            "server_cpu_seconds": figures.cpu_seconds,
            "marks": figures.verdicts(),
        }
        for figures in run
    ]


def as_markdown(run: Sequence[Figures], sizes: Sizes) -> str:
    """The table of a run, and the servers' processor time below it."""
    head = ["", "measure", "unit", *_COLUMNS, "ratio", "must", "goal"]
    lines = [_line(head), _line(["---", "---", "---", *("---:" for _ in head[3:])])]
    for figures in run:
        measure = figures.measure
        medians = [_number(figures.median(name)) for name in _COLUMNS]
        lines.append(_line([measure.row, measure.what(sizes), measure.unit, *medians, *_judged(figures)]))
    cpu = [_line(["", "measure", *_COLUMNS]), _line(["---", "---", *("---:" for _ in _COLUMNS)])]
    for figures in run:
        spent = figures.cpu_seconds
        seconds = [f"{statistics.median(spent[name]):.2f}" if name in spent else "" for name in _COLUMNS]
        cpu.append(_line([figures.measure.row, figures.measure.what(sizes), *seconds]))
    return "\n".join([*lines, "", "Seconds of processor time that the server took for one round:", "", *cpu])


def as_facts(facts: Mapping[str, str]) -> str:
    """A table of two columns."""
    return "\n".join([_line(["", ""]), _line(["---", "---"]), *(_line(fact) for fact in facts.items())])


def _judged(figures: Figures) -> tuple[str, str, str]:
    """The cells `ratio`, `must` and `goal`."""
    measure = figures.measure
    named = len(measure.marks) > 1
    ratios = [
        f"{got:.2f}" + (f" {mark.peer}" if named else "")
        for mark in measure.marks
        if mark.peer is not None and (got := figures.against(mark)) is not None
    ]
    cells = {"must": "", "goal": ""}
    for verdict in figures.verdicts():
        said = {True: "reached", False: "**not reached**", None: "no peer"}[verdict["reached"]]
        peer = f" {verdict['peer']}" if named else ""
        cells[verdict["mark"]] = f"{'≥' if measure.more_is_better else '≤'} {verdict['wanted']:g}{peer}: {said}"
    return ", ".join(ratios), cells["must"], cells["goal"]


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
