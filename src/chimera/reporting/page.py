"""A report as one file for a browser: its own style, no script, nothing loaded from anywhere."""

from __future__ import annotations

import base64
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from chimera.core.banner import capital
from chimera.core.words import harmless
from chimera.reporting.document import Document, moment
from chimera.reporting.evidence import HEADINGS
from chimera.reporting.svg import chart_svg, evidence_svg


def page(document: Document, picture: bytes | None = None) -> str:
    """Return the page. picture: a graph that the metrics drew themselves, PNG."""
    charts = [
        (one, Markup(chart_svg(one, document.points, document.status.lower())))  # noqa: S704
        for one in document.charts
    ]
    drawn = Markup(evidence_svg(document.evidence.points, document.status.lower()))  # noqa: S704
    kept = f"data:image/png;base64,{base64.b64encode(picture).decode()}" if picture else ""
    return _template().render(
        d=document, charts=charts, evidence=drawn, headings=HEADINGS, picture=kept
    )


@cache
def _template() -> Template:
    made = Environment(
        loader=PackageLoader("chimera.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    made.filters.update(moment=moment, capital=capital)
    return made.get_template("report.html")


def _shown(value: Any) -> Any:
    if isinstance(value, str) and not isinstance(value, Markup):
        return harmless(value, keep="\n\t")
    return value
