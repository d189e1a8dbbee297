"""A rollout's report, to be sent to a colleague: what was decided when, on what evidence.

One document, written as a self-contained page, as Markdown or as JSON.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chimera.app.reports import Report


class Form(StrEnum):
    """How a report is written; the value ends the file's name."""

    HTML = "html"
    MARKDOWN = "md"
    JSON = "json"

    @property
    def media_type(self) -> str:
        """What the form is called on the wire."""
        return {"html": "text/html", "md": "text/markdown", "json": "application/json"}[self.value]


def write(report: Report, form: Form, picture: bytes | None = None) -> str:
    """Return a report as text; values of environment variables are masked in each form.

    picture: the graph that the metrics drew themselves, PNG; a page holds it.
    """
    if form is Form.JSON:
        import json

        from chimera.app.masking import plain

        return json.dumps(plain(report), indent=2, ensure_ascii=False) + "\n"
    from chimera.reporting.document import document_of

    document = document_of(report)
    if form is Form.MARKDOWN:
        from chimera.reporting.markdown import markdown

        return markdown(document)
    from chimera.reporting.page import page

    return page(document, picture)
