"""Pieces of SVG. Colours and fonts come from the classes in the page's style, so that they follow its scheme."""

from collections.abc import Iterable
from html import escape

WIDTH = 340
"""Units of every drawing: about the width of a phone, so that 1 unit is 1 pixel there."""
_CHARACTER = 6.6
"""Mean width of a character at the size of names."""


def drawing(height: float, label: str, parts: Iterable[str]) -> str:
    """A drawing that fills the width it gets; `label` is what a screen reader says."""
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:g}" role="img" aria-label="{escape(label)}">'
        f"<title>{escape(label)}</title>{''.join(parts)}</svg>"
    )


def text(x: float, y: float, value: str, kind: str = "", *, end: bool = False, width: float = WIDTH) -> str:
    """One line; when it is longer than `width`, its middle is left out, and its title has it all.

    What is left fills the width exactly, whatever font the reader has.
    """
    most = int(width / _CHARACTER)
    shown, title, fit = value, "", ""
    if len(value) > most:
        tail = (most - 1) // 2
        shown = f"{value[: most - 1 - tail]}…{value[-tail:]}"
        title = f"<title>{escape(value)}</title>"
        fit = f' textLength="{width:g}" lengthAdjust="spacingAndGlyphs"'
    anchor = ' text-anchor="end"' if end else ""
    return f'<text x="{x:g}" y="{y:g}" class="{kind}"{anchor}{fit}>{title}{escape(shown)}</text>'


def rect(x: float, y: float, width: float, height: float, kind: str, title: str = "") -> str:
    inner = f"<title>{escape(title)}</title>" if title else ""
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{round(max(width, 0), 2):g}" height="{height:g}" rx="3" '
        f'class="{kind}">{inner}</rect>'
    )


def arrow(points: Iterable[tuple[float, float]], kind: str = "link") -> str:
    """A line through the points with a head at the last one; the head is the marker `head` of the drawing."""
    path = " ".join(f"{x:g},{y:g}" for x, y in points)
    return f'<polyline points="{path}" class="{kind}" marker-end="url(#head)"/>'


HEAD = (
    '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    '<path d="M0 0L8 4L0 8z" class="head"/></marker></defs>'
)
