"""The forms of a recipe side by side: what each is worth, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rekur.evaluation import names
from rekur.report import words
from rekur.report.facts import Facts
from rekur.report.layout import Block, Section

SIZES = {
    "vocabulary": "vocabulary",
    "tokens_per_text": "tokens a text",
    "predictions_per_second": "predicted a second",
}


def section(facts: Facts) -> Section | None:
    """Build the table; None for a run that compares nothing."""
    forms = facts.metrics.get("compared")
    if not forms:
        return None
    values = {"columns": columns(facts.metric), "rows": [cells(facts.metric, form) for form in forms]}
    return Section("The forms compared", _note(forms), blocks=[Block("forms.html.jinja", values)])


def columns(metric: str) -> list[str]:
    """Return what stands above the cells of a form."""
    head = ["form", words.name_of(metric), "95 % interval", "beside ours", "p", "learned a second"]
    return [*head, *SIZES.values(), "parameters", "read in", "trained in"]


def cells(metric: str, form: Mapping[str, Any]) -> list[str]:
    """Return the words for one form, as `columns` names them."""
    versus, sizes, seconds = form["versus"], form["sizes"], form["seconds"]
    within = words.interval(metric, *form["interval"].get(metric, (None, None)))
    return [
        str(form["form"]),
        words.show(metric, form["test"].get(metric)),
        within,
        *(_beside(metric, versus) if versus else ("ours", "")),
        words.whole(form["items_per_second"]),
        *(words.whole(sizes.get(name)) for name in SIZES),
        words.whole(form["parameters"]),
        words.seconds(seconds["data"]),
        words.seconds(seconds["train"]),
    ]


def _beside(metric: str, versus: Mapping[str, Any]) -> tuple[str, str]:
    difference = words.difference(metric, versus["difference"]).removesuffix(" points")
    within = words.difference_interval(metric, *versus["interval"]).removesuffix(" points")
    p = words.probability(versus["p_value"], versus["test"])
    return f"{difference} ({within})", p.removeprefix("p ").removeprefix("= ")


def _note(forms: Sequence[Mapping[str, Any]]) -> str:
    tested = next((form["versus"] for form in forms if form["versus"]), None)
    if tested is None:
        return "No other form could be trained."
    unit = names.of(tested["metric"]).name
    return (
        f"Same seed, budget and test items; `[compare]` of the recipe says what each form changes. The difference in "
        f"{unit} from ours is tested item by item ({words.TESTS.get(tested['test'], tested['test'])}); p is not "
        "corrected for several tests."
    )
