"""Show an estimate: a table, JSON, a comment for a pull request, a page."""

import dataclasses
import datetime
import html as htmllib
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Optional

from .bill import CENT, ZERO, Change, Estimate, Line, Part, Range, add, diff

SCHEMA_VERSION = 1
MARKER = "<!-- pulumi-fastapi cost -->"
NOT_FOUND = "price not found"
COLUMNS = ("resource", "item", "quantity", "unit price", "baseline", "usage", "low..expected..high")
_ALIKE = 3
"""More resources than this with the same line are shown as one."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """An estimate with what it is of, and what it is compared with."""

    title: str
    estimate: Estimate
    base: Optional[Estimate] = None
    verdicts: tuple[str, ...] = ()
    """What is over a budget."""
    today: datetime.date = dataclasses.field(default_factory=datetime.date.today)

    @property
    def age(self) -> str:
        return self.estimate.age(self.today)

    def changes(self) -> list[Change]:
        return diff(self.base, self.estimate) if self.base else []

    @property
    def headline(self) -> str:
        """One line: what it costs, or what changes."""
        now = self.estimate
        least = "at least " if now.at_least else ""
        if self.base is None:
            low, expected, high = now.total
            return f"{least}${money(expected)} a month ({money(low)} to {money(high)})"
        old, new = self.base.total.expected, now.total.expected
        return f"{signed(new - old)} a month, ${money(old)} -> {least}${money(new)}"

    def notes(self) -> list[str]:
        """What a reader must know to trust the numbers."""
        now = self.estimate
        without = (
            "tax and discounts, after the free tiers of an account"
            if now.free_tier
            else "tax, discounts and free tiers"
        )
        notes = [f"List prices in USD for 730 hours, without {without}. {_traffic(now)}"]
        notes += [self.age] if self.age else []
        return [*notes, *_warnings(now)]


def money(amount: Decimal) -> str:
    """Dollars with cents, halves up."""
    rounded = amount.quantize(CENT, rounding=ROUND_HALF_UP)
    return f"{rounded + 0:,.2f}"


def signed(amount: Decimal) -> str:
    return f"{'-' if amount < 0 else '+'}${money(abs(amount))}"


def _warnings(estimate: Estimate) -> Iterator[str]:
    """What lines warn of, each with the resources it holds for."""
    groups: dict[str, dict[str, None]] = {}
    for line in estimate.lines:
        if line.warning and any(line.quantity):
            groups.setdefault(line.warning, {})[line.resource.name] = None
    for warning, names in groups.items():
        first, more = list(names)[:_ALIKE], len(names) - _ALIKE
        yield f"{', '.join(first)}{f' and {more} more' if more > 0 else ''}: {warning}."


def _traffic(estimate: Estimate) -> str:
    traffic = estimate.traffic
    if not traffic.requests_per_second:
        return "No traffic is given (--rps), so nothing that comes with it is in the total."
    return (
        f"Traffic: {_number(traffic.requests_per_second)} requests/s, {_number(traffic.latency_ms)} ms,"
        f" {_number(traffic.response_bytes)} bytes an answer, {_number(traffic.log_bytes)} bytes logged."
    )


def _number(quantity: Decimal) -> str:
    text = f"{quantity:,.2f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _exact(price: Decimal) -> str:
    return format(price.normalize(), "f")


# Rows


@dataclass(frozen=True, kw_only=True)
class Row:
    """A line, or several of resources that are alike."""

    name: str
    item: str
    quantity: str
    price: str
    usage: bool
    cost: Range
    missing: bool

    @property
    def cells(self) -> tuple[str, ...]:
        amount, both = ("?", "?") if self.missing else (money(self.cost.expected), spread(self.cost))
        sums = ("", amount) if self.usage else (amount, "")
        return (self.name, self.item, self.quantity, self.price, *sums, both)


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of the bill, the dearest row first."""

    part: Part
    rows: list[Row]

    @property
    def sums(self) -> tuple[str, str, str]:
        """Baseline, usage and range."""
        baseline = add(row.cost for row in self.rows if not row.usage).expected
        usage = add(row.cost for row in self.rows if row.usage).expected
        return money(baseline), money(usage), spread(add(row.cost for row in self.rows))


def sections(estimate: Estimate) -> Iterator[Section]:
    """Each part, the dearest first; what has no quantity is left out."""
    billed = [line for lines in estimate.resources().values() for line in lines if any(line.quantity)]
    for part in dict.fromkeys([*estimate.parts(), *Part]):
        groups: dict[tuple[str, ...], list[Line]] = {}
        for line in billed:
            if line.part is part:
                key = (line.resource.type, line.item, line.price_id, line.resource.region)
                groups.setdefault(key, []).append(line)
        rows = [
            _row(each)
            for group in groups.values()
            for each in ([group] if len(group) > _ALIKE else [[one] for one in group])
        ]
        if rows:
            yield Section(part=part, rows=sorted(rows, key=lambda row: (-row.cost.expected, -row.cost.high)))


def spread(cost: Range) -> str:
    return money(cost.low) if cost.low == cost.high else "..".join(money(each) for each in cost)


def totals(estimate: Estimate) -> tuple[str, ...]:
    """The last row."""
    label = "total (at least)" if estimate.at_least else "total"
    return (label, "", "", "", money(estimate.baseline), money(estimate.usage), spread(estimate.total))


def _row(lines: Sequence[Line]) -> Row:
    first = lines[0]
    cost = add(line.cost for line in lines)
    quantity = sum((line.quantity.expected for line in lines), ZERO)
    return Row(
        name=first.resource.name if len(lines) == 1 else f"{len(lines)} {short(first.resource.type)}",
        item=first.item,
        quantity=f"{_number(quantity)} {first.unit}",
        price=_exact(first.price.price) if first.price else NOT_FOUND,
        usage=first.usage,
        cost=cost,
        missing=any(line.missing for line in lines),
    )


def short(type_: str) -> str:
    """`ecs.Service` for `aws:ecs/service:Service`."""
    package, module, kind = [*type_.split(":"), "", ""][:3]
    module = module.partition("/")[0]
    return f"{module}.{kind}" if package in ("aws", "gcp") else f"{package}.{kind}"


# Table


def table(report: Report) -> None:
    """Print the table and everything there is to say about it."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    # Rich itself honours NO_COLOR; in a pipe lines are better left whole.
    piped = not sys.stdout.isatty()
    console = Console(highlight=False, markup=False, emoji=False, width=200 if piped else None)
    estimate = report.estimate
    console.print(Text.assemble((f"{report.title}: ", "bold"), (report.headline, "bold green")))
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for index, name in enumerate(COLUMNS):
        grid.add_column(name, justify="left" if index < 2 else "right", overflow="fold")
    for section in sections(estimate):
        grid.add_row(section.part.value, "", "", "", *section.sums, style="bold cyan")
        for row in section.rows:
            name, *others = row.cells
            grid.add_row(f"  {name}", *others, style="yellow" if row.missing else None)
    grid.add_row(*totals(estimate), style="bold")
    console.print(grid)
    if report.base is not None:
        _print_changes(console, report)
    if estimate.savings:
        console.print(Text("\nLargest savings", style="bold"))
        for saving in estimate.savings:
            console.print(Text.assemble(f"  {saving.change}: ", (f"-${money(saving.amount)}", "green")))
    if estimate.not_priced:
        console.print(Text("\nNot in the total", style="bold yellow"))
        for each, names in not_priced(estimate):
            console.print(Text(f"  {each}: {names}"))
    console.print()
    for note in report.notes():
        console.print(Text(note, style="dim"))
    for verdict in report.verdicts:
        console.print(Text(verdict, style="bold red"))


def _print_changes(console: Any, report: Report) -> None:
    from rich.text import Text

    console.print(Text("\nChanges", style="bold"))
    styles = {"+": "green", "-": "red", "~": "yellow"}
    for change in report.changes():
        label = f"  {change.kind} {short(change.resource.type)} {change.resource.name}: "
        amounts = f"{signed(change.delta)} ({money(change.old)} -> {money(change.new)})"
        console.print(Text.assemble((label, styles[change.kind]), amounts))
    if not report.changes():
        console.print(Text("  nothing that costs changes"))


def not_priced(estimate: Estimate) -> Iterator[tuple[str, str]]:
    """Reasons, each with the resources it holds for."""
    groups: dict[str, list[str]] = {}
    for each in estimate.not_priced:
        groups.setdefault(each.reason, []).append(f"{short(each.resource.type)} {each.resource.name}")
    for reason, names in groups.items():
        yield reason, ", ".join(names)


# Text


def summary(report: Report) -> str:
    """The estimate in a few lines, as a policy reports it."""
    estimate = report.estimate
    lines = [report.headline]
    lines += [
        f"  {section.part.value}: {money(add(row.cost for row in section.rows).expected)}"
        for section in sections(estimate)
    ]
    lines += [f"  could save ${money(each.amount)}: {each.change}" for each in estimate.savings]
    lines += [f"  {NOT_FOUND}: {line.resource.name}, {line.item}" for line in estimate.missing]
    lines += [f"  not in the total: {reason}: {names}" for reason, names in not_priced(estimate)]
    return "\n".join([*lines, *(f"  {note}" for note in report.notes())])


# JSON


def as_json(report: Report) -> str:
    return json.dumps(as_data(report), indent=2)


def as_data(report: Report) -> dict[str, Any]:
    """What `--format json` prints; amounts are text, so that no reader rounds them."""
    estimate = report.estimate
    data = {
        "schema_version": SCHEMA_VERSION,
        "title": report.title,
        "currency": "USD",
        "hours": 730,
        "at_least": estimate.at_least,
        "free_tier": estimate.free_tier,
        "monthly": _bounds(estimate.total),
        "baseline": _text(estimate.baseline),
        "usage": _text(estimate.usage),
        "parts": {part.value: _bounds(cost) for part, cost in estimate.parts().items()},
        "traffic": {key: _text(value) for key, value in estimate.traffic.model_dump().items()},
        "lines": [_line(line, estimate) for lines in estimate.resources().values() for line in lines],
        "not_priced": [
            {"urn": each.resource.urn, "type": each.resource.type, "name": each.resource.name, "reason": each.reason}
            for each in estimate.not_priced
        ],
        "free_resources": estimate.free,
        "savings": [{"change": each.change, "monthly": _text(each.amount)} for each in estimate.savings],
        "notes": report.notes(),
        "verdicts": list(report.verdicts),
    }
    if report.base is not None:
        data["diff"] = {
            "base": _bounds(report.base.total),
            "monthly": _text(estimate.total.expected - report.base.total.expected),
            "changes": [
                {"kind": each.kind, "urn": each.resource.urn, "old": _text(each.old), "new": _text(each.new)}
                for each in report.changes()
            ],
        }
    return data


def _line(line: Line, estimate: Estimate) -> dict[str, Any]:
    price = line.price
    return {
        "urn": line.resource.urn,
        "type": line.resource.type,
        "name": line.resource.name,
        "region": line.resource.region,
        "part": line.part.value,
        "item": line.item,
        "kind": "usage" if line.usage else "baseline",
        "quantity": _bounds(line.quantity),
        "unit": line.unit,
        "price_id": line.price_id,
        "price": _exact(price.price) if price else None,
        "price_date": price.date if price else None,
        "price_confidence": price.confidence if price else None,
        "price_source": estimate.table.source(price) if price else None,
        "price_not_found": line.missing,
        "monthly": None if line.missing else _bounds(line.cost),
        "note": line.note,
        "warning": line.warning,
    }


def _bounds(cost: Range) -> dict[str, str]:
    return {key: _text(value) or "0" for key, value in cost._asdict().items()}


def _text(value: Optional[Decimal]) -> Optional[str]:
    return None if value is None else format(value.normalize(), "f")


# Pull request comment


def markdown(report: Report) -> str:
    """A comment: headline and what changes in view, the rest folded; the marker lets a bot find it again."""
    estimate = report.estimate
    out = [MARKER, f"### Monthly cost: {_md(report.headline)}", ""]
    out += [f"**{_md(verdict)}**\n" for verdict in report.verdicts]
    if report.base is not None:
        changes = report.changes()
        if changes:
            out += ["| | resource | before | after | change |", "|-|-|-:|-:|-:|"]
            out += [
                f"| {each.kind} | {_md(f'{short(each.resource.type)} {each.resource.name}')} | {money(each.old)}"
                f" | {money(each.new)} | {signed(each.delta)} |"
                for each in changes
            ]
        else:
            out.append("Nothing that costs changes.")
    else:
        out += ["| part | baseline | usage | low..expected..high |", "|-|-:|-:|-:|"]
        out += [f"| {section.part.value} | {' | '.join(section.sums)} |" for section in sections(estimate)]
        label, *_, baseline, usage, both = totals(estimate)
        out.append(f"| **{label}** | {baseline} | {usage} | {both} |")
    out.append("")
    if estimate.savings:
        out += ["Largest savings:", ""]
        out += [f"- {_md(each.change)}: -${money(each.amount)}" for each in estimate.savings]
        out.append("")
    if estimate.not_priced:
        out += ["Not in the total:", ""]
        out += [f"- {_md(reason)}: {_md(names)}" for reason, names in not_priced(estimate)]
        out.append("")
    out += ["<details><summary>All lines</summary>", ""]
    out += [f"| {' | '.join(COLUMNS)} |", "|-|-|-:|-:|-:|-:|-:|"]
    out += [f"| {' | '.join(map(_md, row.cells))} |" for section in sections(estimate) for row in section.rows]
    out += ["", "</details>", "", *(f"<sub>{_md(note)}</sub>" for note in report.notes())]
    return "\n".join(out)


def _md(text: str) -> str:
    """Text as it is: names come from the program."""
    escaped = htmllib.escape(" ".join(text.split()), quote=False).replace("-&gt;", "->")
    return "".join(f"\\{char}" if char in "|*_`[]@#\\" else char for char in escaped)


# Page


_STYLE = """
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
div { overflow-x: auto; }
th, td { padding: .2rem .6rem; text-align: right; border-bottom: 1px solid #8884; white-space: nowrap; }
th:nth-child(-n+2), td:nth-child(-n+2) { text-align: left; }
tr.part { font-weight: 600; } tr.missing { color: #b36b00; } small { opacity: .8; }
"""


def html(report: Report) -> str:
    """One page that needs nothing else."""
    estimate = report.estimate
    e = htmllib.escape
    body = [f"<h1>{e(report.title)}</h1><p><strong>{e(report.headline)}</strong></p>"]
    body += [f"<p><strong>{e(verdict)}</strong></p>" for verdict in report.verdicts]
    if report.base is not None:
        cells = [
            (
                f"{each.kind} {short(each.resource.type)}",
                each.resource.name,
                money(each.old),
                money(each.new),
                signed(each.delta),
            )
            for each in report.changes()
        ]
        body.append(_html_table(("type", "resource", "before", "after", "change"), [("", each) for each in cells]))
    lines: list[tuple[str, Sequence[str]]] = []
    for section in sections(estimate):
        lines.append(("part", (section.part.value, "", "", "", *section.sums)))
        lines += [("missing" if row.missing else "", row.cells) for row in section.rows]
    lines.append(("part", totals(estimate)))
    body.append(_html_table(COLUMNS, lines))
    for heading, entries in (
        ("Largest savings", [f"{each.change}: -${money(each.amount)}" for each in estimate.savings]),
        ("Not in the total", [f"{reason}: {names}" for reason, names in not_priced(estimate)]),
    ):
        if entries:
            body.append(f"<h2>{heading}</h2><ul>{''.join(f'<li>{e(each)}</li>' for each in entries)}</ul>")
    body += [f"<p><small>{e(note)}</small></p>" for note in report.notes()]
    head = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{e(report.title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
    )
    return f"{head}<body>{''.join(body)}</body></html>"


def _html_table(head: Sequence[str], body: Sequence[tuple[str, Sequence[str]]]) -> str:
    def row(tag: str, cells: Sequence[str], kind: str = "") -> str:
        inner = "".join(f"<{tag}>{htmllib.escape(cell)}</{tag}>" for cell in cells)
        return f'<tr class="{kind}">{inner}</tr>' if kind else f"<tr>{inner}</tr>"

    return f"<div><table>{row('th', head)}{''.join(row('td', cells, kind) for kind, cells in body)}</table></div>"
