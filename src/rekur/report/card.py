"""The model card: what a model was made of, how good it is, what it is not good for, and how to load it.

Markdown, from the run folder alone, after the cards of Mitchell et al. (2019), "Model Cards for Model Reporting".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from rekur.report import words
from rekur.report.facts import Facts
from rekur.report.sections import standing
from rekur.runs import Run
from rekur.storage import write_whole

NAME = "MODEL_CARD.md"
SAMPLES = {"sample": "tags", "nsmc-sample": "nsmc", "shakespeare": "tinyshakespeare", "ewt": "ud_english_ewt"}
MODEL = ("cell", "hidden", "layers", "bidirectional", "embedding", "readout", "head", "crf")
TRAINING = ("optimizer", "learning_rate", "batch", "clip", "schedule", "weight_decay", "patience", "keep")
GIVEN = {  # task -> what a prediction is given
    "text": '["a text"]',
    "tag": '["a sentence of words"]',
    "generate": '["the beginning of a text"]',
    "translate": '["a sentence"]',
    "series": "[window]",
    "rows": "images",
    "frames": "strips",
}


def write(run: Run) -> Path:
    """Write MODEL_CARD.md into a finished run's folder and return its path."""
    path = run.path / NAME
    write_whole(path, markdown(run))
    return path


def markdown(run: Run) -> str:
    """Return the model card of a finished run; raises RequestError while it is unfinished."""
    facts = Facts(run)
    metrics = facts.metrics
    about = [("recipe", facts.name), ("task", metrics.get("task")), ("made", str(metrics.get("date") or "")[:10])]
    about += [("rekur", run.about().get("rekur")), ("parameters", words.whole(metrics.get("parameters")))]
    said = " · ".join(f"{name} {plain(value)}" for name, value in about if value)
    parts = [f"# {plain(facts.title)}\n\n{said}\n\n> {plain(facts.sentence)}\n"]
    sections = {"Data": _data, "Results": _results, "Limits": _limits, "Training": _training}
    parts += [f"## {name}\n\n" + "\n".join(build(facts)) + "\n" for name, build in sections.items()]
    return "\n".join([*parts, _loading(facts)])


def _data(facts: Facts) -> Iterator[str]:
    from rekur.data.datasets import DATASETS

    data = facts.config.get("data", {})
    name = str(data.get("set", ""))
    known = DATASETS.get(SAMPLES.get(name, name))
    if known is None:
        yield "* The data are the user's own, of no licence known here. Ask whose they are before giving this away."
    else:
        yield f"* {known.title}."
        yield f"* Licence of the data: {known.licence}. Weights learned from them may be bound by it."
        yield f"* Source: {known.source}. {known.citation}."
    settings = {key: value for key, value in data.items() if key != "set" and value not in ("", [], 0, False, None)}
    if settings:
        yield f"* Settings: {_pairs(settings)}."
    if facts.predictions is not None:
        yield f"* The test part has {len(facts.predictions):,} rows; it was read once, at the end."


def _results(facts: Facts) -> Iterator[str]:
    rows = standing.competitors(facts)
    columns = standing.columns_of(facts, rows)
    if not columns:
        yield "No figure was taken."
        return
    yield "| of | part | " + " | ".join(words.name_of(metric) for metric in columns) + " |"
    yield "|---" * (2 + len(columns)) + "|"
    for row in rows:
        within = {metric: f" ({row.within(metric)})" if row.within(metric) else "" for metric in columns}
        cells = [row.shown(metric) + within[metric] for metric in columns]
        name = {"ours": "this model", "published": "the chapter"}.get(row.role, row.name)
        yield f"| {plain(name)} | {plain(row.part)} | " + " | ".join(cells) + " |"
    yield ""
    yield "In brackets the 95 % interval over test items, of this one model; another seed or another year is not in it."
    versus = facts.part("versus")
    if versus.get("verdict"):
        yield f"Verdict against the best rival, {plain(versus.get('baseline'))}: **{versus['verdict']}**."
    if facts.part("chance").get("verdict"):
        yield f"Verdict against chance: **{facts.part('chance')['verdict']}**."


def _limits(facts: Facts) -> Iterator[str]:
    classes = facts.classes
    if classes:
        shown = ", ".join(plain(name) for name in classes[:12])
        more = f" and {len(classes) - 12} more" if len(classes) > 12 else ""
        yield f"* It knows {shown}{more}, and answers one of them whatever it is given."
    yield "* Its figures hold for data like its test part. For others, test it: `rekur evaluate RUN FILE`."
    if "ece" in facts.test:
        yield f"* Its probabilities are off by {words.show('ece', facts.test['ece'])} on average (calibration error)."
    if facts.verdict and facts.verdict != "better":
        chance = "chance" in facts.verdict
        yield f"* It is {facts.verdict}: {'it says nothing yet' if chance else 'a cheaper rival would do'}."
    yield from (f"* Fault kept on purpose: {plain(fault)}" for fault in facts.recipe.get("faults", ()))
    yield from (f"* {plain(warning)}" for warning in facts.metrics.get("warnings") or ())
    for finding in facts.metrics.get("findings") or ():
        if isinstance(finding, Mapping) and finding.get("severity") in ("error", "warning"):
            yield f"* Found by the doctor: {plain(finding.get('sentence'))}"


def _training(facts: Facts) -> Iterator[str]:
    metrics = facts.metrics
    model, training = (facts.config.get(part, {}) for part in ("model", "training"))
    yield f"* Model: {_pairs({name: model[name] for name in MODEL if model.get(name) not in (None, [], False, 0)})}."
    kept = {name: training[name] for name in TRAINING if training.get(name) not in (None, 0, 0.0, "none")}
    yield f"* Training: {_pairs({'epochs': metrics.get('epochs'), **kept})}."
    took = words.seconds(facts.part("seconds").get("train"))
    where = f"{plain(metrics.get('engine'))} on {plain(metrics.get('machine'))}"
    yield f"* Seed {metrics.get('seed')}, threads {metrics.get('threads')}, {took}, {where}."
    yield "* Every setting is in config.toml, every epoch in history.jsonl, every figure in metrics.json."


def _loading(facts: Facts) -> str:
    folder = facts.run.path.resolve().name
    given = GIVEN.get(str(facts.metrics.get("task")), "inputs")
    return f"""## How to load it

```python
import rekur

rekur.load("{folder}").predict({given})
```

```bash
rekur predict {folder} FILE --out predictions.parquet
rekur export {folder} --onnx
```

Loading runs no code of this folder: settings are checked against their schema, weights against the settings, and what
does not fit is refused (exit code 5).
"""


def plain(value: Any) -> str:
    """Write a text from elsewhere in one line in which no sign of Markdown or HTML works."""
    text = " ".join(str(value).split())
    for sign in "\\`*_[]<>|#":
        text = text.replace(sign, f"\\{sign}")
    return text


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{plain(name)} {_value(value)}" for name, value in values.items())


def _value(value: Any) -> str:
    if isinstance(value, str) or not isinstance(value, Iterable):
        return plain(str(value).lower() if isinstance(value, bool) else value)[:200]
    return plain(", ".join(str(item) for item in value))[:200]
