"""The forms of a recipe side by side: what each is worth, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from rekur.report import words
from rekur.report.facts import Facts
from rekur.report.layout import Block, Section

OURS = "ours"
SIZES = {"vocabulary": "vocabulary", "tokens_per_text": "tokens a text", "predictions_per_second": "predicted a second"}


class Table(NamedTuple):
    """Words in columns, a row a form."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def section(facts: Facts) -> Section | None:
    """Build the tables; None for a run that compares nothing."""
    forms = facts.metrics.get("compared")
    if not forms:
        return None
    values = {"tables": tables(facts.metric, forms), "ours": next(form["form"] for form in forms if not form["versus"])}
    return Section("The forms compared", _note(facts.metric, forms), blocks=[Block("forms.html.jinja", values)])


def tables(metric: str, forms: Sequence[Mapping[str, Any]]) -> list[Table]:
    """Return the figures of each form, with the difference from the run's own, and then what each costs."""
    worth = ["form", words.name_of(metric), "95 % interval", f"beside {OURS}", "95 % interval", "p"]
    cost = ["form", *SIZES.values(), "learned a second", "parameters", "read in", "trained in"]
    return [
        Table(worth, [_worth(metric, form) for form in forms]),
        Table(cost, [_cost(form) for form in forms]),
    ]


def _worth(metric: str, form: Mapping[str, Any]) -> list[str]:
    value, within = form["test"].get(metric), form["interval"].get(metric, (None, None))
    return [str(form["form"]), words.show(metric, value), words.interval(metric, *within), *_beside(metric, form)]


def _beside(metric: str, form: Mapping[str, Any]) -> tuple[str, str, str]:
    versus = form["versus"]
    if not versus:
        return OURS, "", ""
    within = words.difference_interval(metric, *versus["interval"])
    p = words.probability(versus["p_value"], versus["test"]).removeprefix("p ").removeprefix("= ")
    return words.difference(metric, versus["difference"]), within, p


def _cost(form: Mapping[str, Any]) -> list[str]:
    sizes, seconds = form["sizes"], form["seconds"]
    return [
        str(form["form"]),
        *(words.whole(sizes.get(name)) for name in SIZES),
        words.whole(form["items_per_second"]),
        words.whole(form["parameters"]),
        words.seconds(seconds["data"]),
        words.seconds(seconds["train"]),
    ]


def _note(metric: str, forms: Sequence[Mapping[str, Any]]) -> str:
    tested = next((form["versus"] for form in forms if form["versus"]), None)
    if tested is None:
        return "No other form could be trained."
    test = words.TESTS.get(tested["test"], tested["test"])
    return (
        "Same seed, budget and test items; the recipe's settings under compare say what each form changes. The "
        f"difference in {words.name_of(metric)} is tested item by item ({test}); p is not corrected for several tests."
    )
