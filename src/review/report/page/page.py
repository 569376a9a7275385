"""Fill the template with facts, styles and scripts."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ....dataset.channels import is_ct
from ....words import count_of
from ...pictures.windows import CT_WINDOWS
from ..facts import Case, Facts, Scores
from .columns import columns_of
from .embedded import csp_hash, embedded, licences, packed, printable, scripts, styles, viewer_script
from .findings import findings_of
from .numbers import figure, percent, span
from .overview import overview_of
from .plots import plots_of

FIRST_CASES = 48
"""How many cases are listed before a reader asks for all."""


def page_of(facts: Facts) -> bytes:
    """Return a report as HTML in UTF-8.

    Every text of the dataset is escaped, characters that are not printable are shown as their code, and the page's
    policy lets the browser run only the page's own scripts and load nothing.
    """
    viewer = viewer_script() if facts.volumes else ""
    script = scripts()
    policy = "; ".join(
        (
            "default-src 'none'",
            "img-src data:",
            "style-src 'unsafe-inline'",
            f"script-src {csp_hash(script)}" + (f" {csp_hash(viewer)}" if viewer else ""),
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    text: str = _template().render(
        facts=facts,
        policy=policy,
        styles=styles(),
        script=Markup(script),  # noqa: S704 - the page's own
        packed_viewer=packed(viewer) if viewer else "",
        data=embedded(_data(facts)),
        stacks=[embedded(vars(stack) | {"layers": [vars(layer) for layer in stack.layers]}) for stack in facts.stacks],
        volumes=[embedded(vars(volume)) for volume in facts.volumes],
        licences=licences(with_viewer=bool(viewer)),
        overview=overview_of(facts),
        found=findings_of(facts),
        columns=columns_of(facts),
        plots=plots_of(facts),
        first_cases=FIRST_CASES,
    )
    return text.encode("utf-8")


def _data(facts: Facts) -> dict[str, Any]:
    """Return the facts for the scripts, without pictures, and the windows that channels have by name."""
    bare = tuple(replace(case, scores={}) for case in facts.cases)
    values = replace(facts, cases=bare, sheets=(), stacks=(), volumes=()).as_json()
    for case, found in zip(values["cases"], facts.cases, strict=True):
        case["scores"] = _scores(found, facts.scores)
    return values | {"windows": {channel.name: CT_WINDOWS for channel in facts.channels if is_ct(channel.name)}}


def _scores(case: Case, scores: Scores | None) -> list[list[float | None]]:
    """Return the scores of a case in the order of classes and metrics; names would be most of the page."""
    if scores is None or not case.scores:
        return []
    return [
        [_rounded(case.scores.get(found.name, {}).get(metric.key), metric.digits) for metric in scores.metrics]
        for found in scores.classes
    ]


def _rounded(score: float | None, digits: int) -> float | None:
    return None if score is None else round(score, digits)


@functools.cache
def _template() -> Any:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=printable,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"figure": figure, "percent": percent}
    environment.globals |= {"count_of": count_of, "span": span, "zip": zip}
    return environment.get_template("page.html")
