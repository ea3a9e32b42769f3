"""Examples of forecasters: the whole horizon at once, or paths drawn value after value."""

from __future__ import annotations

from typing import Any

from rekur.architecture import Architecture
from rekur.data.scaling import HIGHEST
from rekur.export.examples.shared import names
from rekur.graphs.recurrent import parts_of

READER = """reader = onnxruntime.InferenceSession("reader.onnx")
step = onnxruntime.InferenceSession("step.onnx")
"""
DRAW = {
    "point": "drawn = said[:, 0]",
    "median": "drawn = said[:, 0]",
    "normal": "drawn = said[:, 0] + said[:, 1] * rng.standard_normal(len(said))",
    "student_t": "drawn = said[:, 0] + said[:, 1] * rng.standard_t(said[:, 2])",
    "negative_binomial": """mean, spread = said[:, 0] * scale, said[:, 1] / scale**0.5
    drawn = rng.poisson(rng.gamma(1 / spread, spread * mean)) / scale""",
}


CORRECTED = """low = high = bands[len(bands) // 2].copy() if len(bands) % 2 else bands.mean(axis=0)
for place, wider in reversed(list(enumerate(np.array(about["corrections"])))):  # each holds the one within it
    low = bands[place] = np.minimum(bands[place] - {spread}wider, low)
    high = bands[-1 - place] = np.maximum(bands[-1 - place] + {spread}wider, high)
"""


def _given(about: dict[str, Any]) -> str:
    """Return the lines of a feed of raw histories, in `given`."""
    lines = """history = np.arange(1.0, 41.0)  # your series, oldest first; NaN where a value is missing
given = {"values": history[None]}  # float64 (N, L); put NaN before shorter histories
"""
    if "series" in about:
        lines += 'given["series"] = np.array([-1])  # the place of its name in about["series"]; -1: none of them\n'
    for name, size in (("known", 'len(history) + about["horizon"]'), ("observed", "len(history)")):
        if name in about:
            lines += f'given["{name}"] = np.zeros((1, {size}, {len(about[name])}))  # {", ".join(about[name])}\n'
    if "times" in about:
        lines += """times = np.arange(len(history) + about["horizon"]) + np.datetime64("2024-01-01")  # of all steps
given["times"] = times.astype("datetime64[s]").astype(np.int64)[None]
"""
    if "static" in about:
        lines += f'given["static"] = np.zeros((1, {len(about["static"])}))  # {", ".join(about["static"])}\n'
    return lines


def forecast(about: dict[str, Any]) -> str:
    return (
        _given(about)
        + """forecast, quantiles = model.run(["forecast", "quantiles"], given)
answer = dict(zip(about["quantiles"], quantiles[0].T), forecast=forecast[0])  # of each: one number a step to come
"""
    )


def drawn(made: Architecture, about: dict[str, Any]) -> str:
    sizes, settings = made.forecaster, made.settings
    ahead = bool(sizes.future + sizes.static)
    spread = bool(about.get("corrections")) and about["scaled"]
    parts = parts_of(settings.cell)
    more = [*(["ahead"] if ahead else []), *(["spread"] if spread else [])]
    wanted = ["before", "shift", "scale", *more, *(f"{part}_0" for part in parts)]
    own = (
        f"np.exp(np.minimum({{0}} * scale[0] + shift[0], {HIGHEST:g}))"
        if "above" in about
        else "{0} * scale[0] + shift[0]"
    )
    feed = ', "ahead": read["ahead"][places, place]' if ahead else ""
    feed += ', "last": last' if settings.residual else ""
    lines = f"""names = {names(wanted)}
read = dict(zip(names, reader.run(names, given)))
rng, places = np.random.default_rng(1), np.zeros({200 if sizes.distribution.random else 1}, int)  # paths of the first
last, shift, scale = (read[name][places] for name in ("before", "shift", "scale"))
state, before, path = {{part: read[f"{{part}}_0"][:, places] for part in {names(parts)}}}, last, []
for place in range(about["horizon"]):
    feed = {{"before": before{feed}, **{{f"{{part}}_0": state[part] for part in state}}}}
    said, *after = step.run(["parameters", *(f"{{part}}_n" for part in state)], feed)
    {DRAW[settings.distribution]}
    before, state = drawn.astype(np.float32), dict(zip(state, after))
    path.append(before)
paths = np.stack(path, axis=1)
bands = np.quantile(paths, about["levels"], axis=0)
"""
    if about.get("corrections"):
        lines += CORRECTED.format(spread='read["spread"][0] * ' if spread else "")
    mean = own.format("paths.mean(axis=0)")
    lines += f'answer = dict(zip(about["quantiles"], {own.format("bands")}), forecast={mean})\n'
    return READER + _given(about) + lines
