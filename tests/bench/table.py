"""Rows of what was measured, each beside its goal and beside what it is compared with."""

from dataclasses import dataclass


@dataclass
class Row:
    what: str
    figure: str
    other: str = ""   # the same of what it is compared with
    ratio: str = ""   # figure : other
    goal: str = ""
    judged: str = ""  # which of the two the goal is for
    met: bool = True


class Table:
    def __init__(self):
        self.parts = []

    def part(self, title, other):
        """Begins a part; `other` names what its figures are compared with."""
        self.parts.append((title, other, []))

    def row(self, what, figure, other=None, unit="", goal=None, of="figure"):
        """figure and other: numbers of that unit. goal: the most that the figure, or the ratio, may be."""
        ratio = figure / other if other else None
        ratio_text = f"{ratio:.3f}" if other else ""
        by_ratio = of == "ratio"
        self.parts[-1][2].append(Row(
            what, shown(figure, unit), shown(other, unit) if other is not None else "", ratio_text,
            "" if goal is None else f"≤ {goal:g}" if by_ratio else f"≤ {goal:g} {unit}",
            ratio_text if by_ratio else shown(figure, unit),
            goal is None or (ratio if by_ratio else figure) <= goal))

    def missed(self):
        return [f"{row.what} ({row.judged}, goal {row.goal})"
                for _, _, rows in self.parts for row in rows if not row.met]

    def text(self):
        lines = []
        for title, other, rows in self.parts:
            cells = [[title, "sallyport", other, "ratio", "goal", ""]]
            cells += [[r.what, r.figure, r.other, r.ratio, r.goal, "" if not r.goal else "met" if r.met else "MISSED"]
                      for r in rows]
            widths = [max(len(line[i]) for line in cells) for i in range(len(cells[0]))]
            lines.append("")
            for number, line in enumerate(cells):
                lines.append("  ".join([line[0].ljust(widths[0])] +
                                       [cell.rjust(width) for cell, width in zip(line[1:], widths[1:])]).rstrip())
                if number == 0:
                    lines.append("-" * (sum(widths) + 2 * (len(widths) - 1)))
        return "\n".join(lines)


def shown(value, unit):
    digits = 0 if value >= 100 or value == int(value) else 1
    return f"{value:,.{digits}f}" + (f" {unit}" if unit else "")
