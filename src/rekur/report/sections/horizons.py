"""A forecast of many steps: fans of a few series, errors and coverage by steps ahead, and that it read no future."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from rekur.evaluation.forecasting.telling import ENOUGH, sentence
from rekur.report import words
from rekur.report.facts import Facts
from rekur.report.layout import Block, Picture, Section, Size
from rekur.report.plot import Floats, Plot, percent, span, width_of

FAN = {"picture", "id", "why", "date", "step", "truth", "forecast", "low_90", "low_50", "high_50", "high_90"}
LEGEND = (("truth", "", "truth"), ("ours", "", "forecast"), ("ours", "band", "50 and 90 % bands"))
STYLES = (("rival", ""), ("extra", "dashed"), ("faint", ""), ("rival", "dotted"))  # of the rivals drawn, best first
FAR = 3.0  # times the largest error of ours and the best rival: a rival beyond would flatten the others


def section(facts: Facts) -> Section | None:
    """Build the part; None for a run that left nothing by steps ahead."""
    found = facts.extra.get("horizons")
    if not isinstance(found, Mapping) or not found.get("steps"):
        return None
    drawn = [error_picture(found), *coverage_pictures(found)]
    fans = fan_pictures(facts.table("fans"))
    rows = verdict_rows(found)
    values = {"rows": rows, "proof": proof(facts.extra.get("proof")), "name": _name(found)}
    note = f"{sentence(found)} Holm's correction is for having asked at every step." if rows else ""
    if any(row["verdict"] == "not tested" for row in rows):
        note += f" Not tested: fewer than {ENOUGH} origins for each step by which errors overlap, or nothing known."
    return Section(
        "By steps ahead",
        note,
        [*fans, *drawn],
        [Block("horizons.html.jinja", values)],
        key=fans[0] if fans else drawn[0],
    )


def _name(found: Mapping[str, Any]) -> str:
    return words.name_of(str(found.get("metric", "")))


def _middles(found: Mapping[str, Any]) -> Floats:
    return np.array([(first + last) / 2 for first, last in found["steps"]])


def _values(given: Sequence[Any]) -> Floats:
    return np.array([words.number(value) for value in given], dtype=np.float64)


# fans


@dataclass(frozen=True)
class Fan:
    """One forecast with its history."""

    name: str
    why: str
    dates: list[str]
    steps: Floats  # (L + h,)
    truth: Floats
    forecast: Floats  # NaN in the history
    bands: dict[str, Floats]

    @classmethod
    def of(cls, table: pl.DataFrame) -> Fan:
        """Read the rows of one picture."""
        numbers = {
            name: table[name].cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy()
            for name in sorted(FAN - {"picture", "id", "why", "date"})
        }
        bands = {name: values for name, values in numbers.items() if name.startswith(("low", "high"))}
        dates = table["date"].cast(pl.String).to_list()
        return cls(str(table["id"][0]), str(table["why"][0]), dates, numbers["step"], numbers["truth"],
                   numbers["forecast"], bands)  # fmt: skip

    @property
    def origin(self) -> str:
        """The last date that was known."""
        return self.dates[max(int(np.searchsorted(self.steps, 0.5)) - 1, 0)]


def fan_pictures(table: pl.DataFrame | None) -> list[Picture]:
    """Draw each forecast of the table `fans`."""
    if table is None or not set(table.columns) >= FAN:
        return []
    parts = table.sort("picture", "step", maintain_order=True).partition_by("picture", maintain_order=True)
    return [_fan_picture(Fan.of(part), place) for place, part in enumerate(parts)]


def _fan_picture(fan: Fan, place: int) -> Picture:
    def draw(size: Size) -> Plot:
        y = span(fan.truth, fan.forecast, *fan.bands.values())
        plot = Plot(size, (float(fan.steps[0]), float(fan.steps[-1])), y, legend=LEGEND)
        last = len(fan.dates) - 1
        room = (plot.x.end - plot.x.start) // (width_of(fan.dates[0]) + 30)
        at = np.unique(np.linspace(0, last, max(2, min(int(room), 6))).round().astype(int))
        plot.x_ticks(fan.steps[at].tolist(), [fan.dates[i] for i in at])
        ahead = fan.steps >= 1
        for share in ("90", "50"):
            plot.between(fan.steps[ahead], fan.bands[f"low_{share}"][ahead], fan.bands[f"high_{share}"][ahead], "ours")
        plot.upright(0.5, "faint", "dashed")
        plot.line(fan.steps, fan.truth, "truth")
        plot.line(fan.steps[ahead], fan.forecast[ahead], "ours")
        return plot

    said = f"{fan.name}, {int(fan.steps[-1])} steps ahead from {fan.origin}. Its error is {fan.why}."
    title = f"{fan.name} from {fan.origin}"
    return Picture(f"fan-{place + 1}", title, f"Forecast with its bands. {said}", draw, f"Its error is {fan.why}.")


# errors


def error_picture(found: Mapping[str, Any]) -> Picture:
    """Draw the error at each step ahead, ours beside the best rivals'."""
    errors = {who: _values(values) for who, values in found["errors"].items()}
    ours = errors.pop("ours")
    near, beyond = _near(ours, errors)
    at, name = _middles(found), _name(found)

    def draw(size: Size) -> Plot:
        legend = [("ours", "", "ours"), *((*style, who) for who, style in zip(near, STYLES, strict=False))]
        top = span(ours, *near.values(), margin=0.08)[1]
        plot = Plot(size, (float(at[0]), float(max(at[-1], at[0] + 1))), (0, top), legend=legend, x_title="steps ahead")
        plot.x_numbers(least=1)
        for who, (role, dash) in reversed(list(zip(near, STYLES, strict=False))):
            plot.line(at, near[who], role, dash)
        plot.line(at, ours, "ours")
        return plot

    ends = [f"{who} {words.figure(v[0])} to {words.figure(v[-1])}" for who, v in {"ours": ours, **near}.items()]
    title = f"{words.capital(name)} by steps ahead"
    said = f"From the first step to the last: {'; '.join(ends)}."
    more = f" Off the picture, more than {FAR:g} times as far: {', '.join(beyond)}." if beyond else ""
    return Picture("horizon-error", title, f"{title}. {said}{more}", draw, f"{said}{more}", wide=True)


def _near(ours: Floats, rivals: Mapping[str, Floats]) -> tuple[dict[str, Floats], list[str]]:
    """Return up to four rivals worth a line, best first, and those that lie too far off."""
    means = {who: float(np.nanmean(values)) for who, values in rivals.items() if np.isfinite(values).any()}
    order = sorted(means, key=lambda who: means[who])
    if not order:
        return {}, []
    edge = FAR * max(np.nanmax(ours, initial=0.0), np.nanmax(rivals[order[0]]))
    near = [who for who in order if np.nanmax(rivals[who]) <= edge]
    beyond = [who for who in order if who not in near]
    return {who: rivals[who] for who in near[: len(STYLES)]}, beyond


# coverage


def coverage_pictures(found: Mapping[str, Any]) -> list[Picture]:
    """Draw the measured coverage of each interval at each step ahead, beside nominal; none without quantiles."""
    there = found.get("coverage", {})
    shown = {share: there[share] for share in ("90" if "90" in there else "80", "50") if share in there}
    if not shown:
        return []
    at = _middles(found)
    roles = ("ours", "extra")

    def draw(size: Size) -> Plot:
        legend = [(role, "", f"{share} % interval") for share, role in zip(shown, roles, strict=False)]
        legend += [("faint", "band", "95 % interval of it"), ("truth", "dashed", "nominal")]
        ends = [_values(part[side]) for part in shown.values() for side in ("low", "high")]
        low, high = span(*ends, [part["nominal"] for part in shown.values()], margin=0.06)
        x = (float(at[0]), float(max(at[-1], at[0] + 1)))
        plot = Plot(size, x, (max(low, 0), min(high, 1.02)), legend=legend, x_title="steps ahead", y_label=percent)
        plot.x_numbers(least=1)
        for part, role in zip(shown.values(), roles, strict=False):
            plot.between(at, _values(part["low"]), _values(part["high"]), role)
            plot.level(part["nominal"], "truth")
            plot.line(at, _values(part["measured"]), role)
        return plot

    said = " ".join(_covered(share, part, found["steps"]) for share, part in shown.items())
    title = "Coverage by steps ahead: measured beside nominal"
    return [Picture("horizon-coverage", title, f"{title}. {said}", draw, said, wide=True)]


def _covered(share: str, part: Mapping[str, Any], steps: Sequence[Sequence[int]]) -> str:
    measured = _values(part["measured"])
    if not np.isfinite(measured).any():
        return ""
    worst = int(np.nanargmax(np.abs(measured - part["nominal"])))
    mean, far = f"{100 * np.nanmean(measured):.1f} %", f"{100 * measured[worst]:.1f} %"
    return f"Intervals of {share} % held {mean} of what came; farthest off at step {_steps(*steps[worst])}, {far}."


# verdicts and proof


def verdict_rows(found: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return a row for each run of steps with the same rival and verdict."""
    runs: list[list[tuple[Sequence[int], Mapping[str, Any]]]] = []
    for steps, one in zip(found["steps"], found.get("verdicts", ()), strict=False):
        same = runs and all(runs[-1][-1][1].get(key) == one.get(key) for key in ("rival", "verdict"))
        if same:
            runs[-1].append((steps, one))
        else:
            runs.append([(steps, one)])
    return [_row(run) for run in runs]


def _row(run: Sequence[tuple[Sequence[int], Mapping[str, Any]]]) -> dict[str, str]:
    differences = [value for _, one in run if math.isfinite(value := words.number(one.get("difference")))]
    p_values = [value for _, one in run if math.isfinite(value := words.number(one.get("p_holm")))]
    return {
        "steps": _steps(run[0][0][0], run[-1][0][1]),
        "verdict": str(run[0][1].get("verdict", "")),
        "rival": str(run[0][1].get("rival") or words.ABSENT),
        "difference": _figure(float(np.mean(differences))) if differences else words.ABSENT,
        "p": words.probability(max(p_values)) if p_values else words.ABSENT,
    }


def _figure(value: float) -> str:
    return f"{'+' if value > 0 else '−' if value < 0 else ''}{words.figure(abs(value))}"


def _steps(first: int, last: int) -> str:
    return f"{first}" if first == last else f"{first} to {last}"


def proof(found: Any) -> str:
    """Say what changing the future did to the forecasts; empty where it was not tried."""
    if not isinstance(found, Mapping) or not found:
        return ""
    count, origins = (words.whole(found.get(name)) for name in ("values", "origins"))
    tried = f"All {count} values behind {origins} origins of the test part"
    if found.get("equal"):
        control = words.number(found.get("control"))
        again = f"{tried} were replaced by noise and the forecasts made again: not a bit of them changed."
        if not control > 0:
            return (
                f"Nothing is proved of what the forecasts read. {again} But one value changed before each origin "
                "changed nothing either: they do not read the values of their series."
            )
        moved = f"One value changed before each origin moved them by {words.figure(control)}."
        return f"No forecast reads its future. {again} {moved}"
    moved = words.figure(words.number(found.get("moved")))
    return f"The forecasts read their future: {tried} were replaced by noise, and that moved them by up to {moved}."
