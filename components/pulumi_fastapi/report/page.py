"""The page: everything in one file, readable on a phone, in light and dark."""

from collections.abc import Iterator, Sequence
from html import escape as e
from pathlib import Path

from .. import preview as previews
from ..checks import Finding
from ..cost import render
from ..planned import Plan, Resource, plain
from . import charts
from .architecture import architecture

_STYLE = Path(__file__).with_name("style.css")


def page(plan: Plan, findings: Sequence[Finding], bill: render.Report) -> str:
    """One HTML page of a stack that needs nothing else."""
    components = sum(not resource.custom for resource in plan.resources)
    facts = f"{len(plan.resources) - components} resources in {components} components, {plan.region}"
    picture = architecture(plan, bill.estimate)
    sections = [
        _section("Architecture", f'{picture}<p class="soft">→ uses, ⇢ watched by; USD a month</p>') if picture else "",
        _section("Cost a month", _cost(bill)),
        *(each for service in previews.services(plan) for each in _service(service)),
        _section("Findings", _findings(findings), "wide"),
        _section("All lines of the bill", _lines(bill), "wide"),
    ]
    style = _STYLE.read_text(encoding="utf-8")
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{e(bill.title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{style}</style></head>'
        f'<body><header><h1>{e(bill.title)}</h1><p class="sum">{e(bill.headline)}</p>'
        f'<p class="soft">{e(facts)}; {e(previews.summary(findings))}</p></header>'
        f"<main>{''.join(sections)}</main></body></html>\n"
    )


def _section(title: str, body: str, kind: str = "") -> str:
    return f'<section class="{kind}"><h2>{e(title)}</h2>{body}</section>'


def _cost(bill: render.Report) -> str:
    estimate = bill.estimate
    label, *_, baseline, usage, both = render.totals(estimate)
    rows = [(section.part.value, *section.sums) for section in render.sections(estimate)]
    out = [
        charts.costs(estimate),
        _table(("part", "baseline", "usage", "low..expected..high"), [*rows, (label, baseline, usage, both)], "parts"),
    ]
    for heading, entries in (
        ("Largest savings", [f"{each.change}: -${render.money(each.amount)}" for each in estimate.savings]),
        ("Not in the total", [f"{reason}: {names}" for reason, names in render.not_priced(estimate)]),
    ):
        if entries:
            out.append(f"<h3>{heading}</h3><ul>{''.join(f'<li>{e(each)}</li>' for each in entries)}</ul>")
    return "".join([*out, *(f"<p><small>{e(note)}</small></p>" for note in bill.notes())])


def _lines(bill: render.Report) -> str:
    rows = [row.cells for section in render.sections(bill.estimate) for row in section.rows]
    return f"<details><summary>{len(rows)} lines</summary>{_table(render.COLUMNS, rows, 'lines')}</details>"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], kind: str) -> str:
    def row(tag: str, cells: Sequence[str]) -> str:
        return f"<tr>{''.join(f'<{tag}>{e(cell)}</{tag}>' for cell in cells)}</tr>"

    body = "".join(row("td", cells) for cells in rows)
    return f'<div class="scroll"><table class="{kind}"><tbody>{row("th", head)}{body}</tbody></table></div>'


def _service(service: Resource) -> Iterator[str]:
    """The derived numbers of a service: a picture each, and the same in words."""
    derived = {
        "connections": ("Database connections", "connectionBudget", charts.connections),
        "timeouts": ("Timeouts", "timeouts", charts.timeouts),
        "deployment": ("Time of a deploy", "deploymentSeconds", charts.deployment),
    }
    for label, words in previews.explained(service):
        if label in derived:
            heading, output, draw = derived[label]
            picture = draw(plain(service.outputs[output]))
            yield _section(f"{heading}: {service.name}", f'{picture}<p class="soft">{e(words)}</p>', label)


def _findings(findings: Sequence[Finding]) -> str:
    found = [_finding(finding, names) for finding, names in previews.grouped(findings)]
    return "".join(found) or "<p>Nothing is wrong.</p>"


def _finding(finding: Finding, names: Sequence[str]) -> str:
    head = f"<b>{finding.severity}</b> {e(finding.rule)} <strong>{e(', '.join(names))}</strong>"
    body = f'<p>{e(finding.message)}</p><p class="soft">fix: {e(finding.fix)}</p>'
    return f'<div class="finding {finding.severity}">{head}{body}</div>'
