"""Charts as inline SVG: shapes alone, without text, so that they may be stretched to any width.

Colours come from the style sheet by class, and numbers stand beside a chart as text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nyxqa.builders.report.visible import visible

if TYPE_CHECKING:
    from markupsafe import Markup

_HEIGHT = 100.0
_GAP = 0.08  # share of a column that is left free
_VISIBLE = 1.5  # least height of what is not nothing
_BAND_WIDTH = 100.0


def columns(labels: Sequence[str], counts: Sequence[int], kind: str, about: str) -> Markup:
    """A histogram: one column for each count, its label and count shown when pointed at.

    :param kind: Class of the columns.
    :param about: What the chart shows, for those who cannot see it.
    """
    from markupsafe import Markup

    most = max(counts, default=0) or 1
    shapes = Markup("").join(
        Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"><title>{}: {}</title></rect>').format(
            kind, _number(number + _GAP / 2), _number(_HEIGHT - height), _number(1 - _GAP), _number(height), label, text
        )
        for number, (label, count) in enumerate(zip(labels, counts, strict=True))
        for height, text in [(max(_HEIGHT * count / most, _VISIBLE) if count else 0.0, f"{count:,}")]
    )
    return _picture(shapes, max(len(counts), 1), _HEIGHT, about)


def bar(share: float, kind: str, low: float | None = None, high: float | None = None) -> Markup:
    """A horizontal bar for a share of 1, with the interval from ``low`` to ``high`` if these are given."""
    from markupsafe import Markup

    shapes = Markup('<rect class="track" x="0" y="0" width="100" height="10"/>')
    shapes += Markup('<rect class="{}" x="0" y="0" width="{}" height="10"/>').format(kind, _number(_percent(share)))
    if low is not None and high is not None:
        left, right = _percent(low), _percent(high)
        shapes += Markup('<rect class="interval" x="{}" y="3" width="{}" height="4"/>').format(
            _number(left), _number(max(right - left, 0.4))
        )
    return _picture(shapes, 100, 10, f"{share:.1%}")


def band(kept: float, dropped: float, about: str) -> Markup:
    """What a stage does: a band that goes on with the share ``kept``, and bends away with the share ``dropped``.

    What is neither, as what was not sampled, is left blank.
    """
    from markupsafe import Markup

    goes_on, bends = _HEIGHT * _clamped(kept), _HEIGHT * _clamped(dropped)
    if dropped > 0:
        bends = max(bends, _VISIBLE)
        goes_on = min(goes_on, _HEIGHT - bends)
    shapes = Markup('<path class="kept" d="M0,0 L100,0 L100,{} L30,{} L0,100 Z"/>').format(
        _number(goes_on), _number(goes_on)
    )
    if dropped > 0:
        top, bottom = goes_on, goes_on + bends
        down = "M0,{t} C40,{t} 60,{t} 70,120 L{r},120 C60,{b} 40,{b} 0,{b} Z"
        right = 70 - min(bends, 30.0)
        shapes += Markup('<path class="lost" d="{}"/>').format(
            down.format(t=_number(top), b=_number(bottom), r=_number(right))
        )
    shapes += Markup('<rect class="edge" x="0" y="0" width="3" height="100"/>')
    return _picture(shapes, _BAND_WIDTH, 1.2 * _HEIGHT, about)


def lines(series: Sequence[tuple[str, Sequence[float]]], about: str) -> Markup:
    """Curves over equal steps, from 0 at the bottom to the largest value at the top.

    :param series: Class and values of each curve.
    """
    from markupsafe import Markup

    most = max((value for _, values in series for value in values), default=0) or 1
    shapes = Markup("")
    for kind, values in series:
        last = max(len(values) - 1, 1)
        points = " ".join(
            f"{_number(100 * n / last)},{_number(_HEIGHT * (1 - value / most))}" for n, value in enumerate(values)
        )
        shapes += Markup('<polyline class="{}" points="{}"/>').format(kind, points)
    return _picture(shapes, 100, _HEIGHT, about)


def _picture(shapes: Markup, width: float, height: float, about: str) -> Markup:
    from markupsafe import Markup

    return Markup('<svg viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>').format(
        _number(width), _number(height), visible(about), shapes
    )


def _clamped(share: float) -> float:
    return min(max(share, 0.0), 1.0)


def _percent(share: float) -> float:
    return 100 * _clamped(share)


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
