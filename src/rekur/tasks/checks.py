"""Settings that would be ignored: each has to have what makes it count, or the recipe is refused.

A setting left at its default asks for nothing. What only some tasks read stands in OPTIONAL, and each task names
its share in `Task.reads`; what counts only beside another setting stands in NEEDS.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from rekur.config import Config, ModelSettings, TrainingSettings

OPTIONAL = (
    "embedding",
    "dropout_embedding",
    "dropout_words",
    "evidence",
    "ballot",
    "figures",
    "segment",
    "residual",
    "batch_first",
    "transpose_fault",
    "decoder_hidden",
    "decoder_layers",
    "attention",
    "input_feeding",
    "tied",
    "cutoffs",
    "crf",
    "characters",
    "characters_hidden",
    "convolution",
    "dropout_weights",
    "variational",
    "forecaster",
    "distribution",
    "dilations",
    "highway",
    "start",
    "training.label_smoothing",
    "training.teacher_forcing",
    "training.teacher_forcing_end",
)
WRITING = frozenset(  # what every task reads whose model has a decoder
    {
        "embedding",
        "dropout_embedding",
        "dropout_words",
        "decoder_hidden",
        "decoder_layers",
        "attention",
        "input_feeding",
        "tied",
        "training.label_smoothing",
    }
)
FORECASTING = frozenset(  # what a task reads whose model forecasts
    {"forecaster", "distribution", "dilations", "highway", "start", "segment", "residual", "attention"}
)
FIXED = ("api", "bidirectional", "batch_first", "readout", "head", "linear", "squash", "dropout_thrown_away")
POOLED = ("mean", "max", "mean_max", "attention")  # the readouts that pool over all segments of a text

NEEDS: tuple[tuple[str, Callable[[Config], bool], str], ...] = (
    ("model.layers", lambda c: c.model.api != "cell", 'model.api = "layer": a looped cell is one layer'),
    ("model.bidirectional", lambda c: c.model.api != "cell", 'model.api = "layer": a looped cell reads one way'),
    ("model.batch_first", lambda c: c.model.api != "cell", 'model.api = "layer": a looped cell is batch first'),
    ("model.dropout_layers", lambda c: c.model.layers > 1, "model.layers of 2 or more: it stands between layers"),
    ("model.head", lambda c: c.model.linear, "model.linear = true: its last layer makes the outputs"),
    ("model.dropout_embedding", lambda c: c.model.embedding > 0, "model.embedding of 1 or more"),
    ("model.dropout_words", lambda c: c.model.embedding > 0, "model.embedding of 1 or more"),
    ("model.evidence", lambda c: c.model.embedding > 0, "model.embedding of 1 or more: it is read beside the words"),
    ("model.ballot", lambda c: c.model.evidence > 0, "model.evidence: the n-grams that vote are those it knows"),
    (
        "model.segment",
        lambda c: c.model.readout in POOLED or c.model.forecaster == "segments",
        f"a model.readout of {', '.join(POOLED)}",
    ),
    ("model.transpose_fault", lambda c: c.model.api == "numpy", 'model.api = "numpy"'),
    ("model.decoder_hidden", lambda c: c.model.readout == "decoder", 'model.readout = "decoder"'),
    ("model.decoder_layers", lambda c: c.model.readout == "decoder", 'model.readout = "decoder"'),
    ("model.attention", lambda c: "decoder" in (c.model.readout, c.model.forecaster), 'model.readout = "decoder"'),
    ("model.input_feeding", lambda c: c.model.attention != "none", "model.attention: it feeds what was attended to"),
    ("model.tied", lambda c: c.model.embedding > 0, "model.embedding of 1 or more: its table is the shared one"),
    ("model.characters", lambda c: c.model.embedding > 0, "model.embedding of 1 or more: it is read beside the words"),
    ("model.head", lambda c: not c.model.tied, "model.tied = false: a tied output layer has none before it"),
    ("model.cutoffs", lambda c: c.model.tied, "model.tied = true: heads and tails are of the shared table"),
    ("model.dropout_weights", lambda c: c.model.api == "layer", 'model.api = "layer": a looped cell keeps its weights'),
    ("model.characters_hidden", lambda c: c.model.characters > 0, "model.characters of 1 or more"),
    ("model.distribution", lambda c: bool(c.model.forecaster), "model.forecaster: it is what that forecasts"),
    (
        "model.highway",
        lambda c: c.model.forecaster != "autoregressive" and c.model.distribution != "negative_binomial",
        "a forecaster of the whole horizon, and a distribution of any sign",
    ),
    ("model.start", lambda c: c.model.highway > 0, "model.highway: that is the linear map"),
    ("model.dilations", lambda c: c.model.forecaster == "dilated", 'model.forecaster = "dilated"'),
    ("model.layers", lambda c: c.model.forecaster != "dilated", "another forecaster: model.dilations are its layers"),
    ("model.residual", lambda c: c.model.distribution != "negative_binomial", "a distribution of any sign"),
    *((f"model.{name}", lambda c: not c.model.forecaster, "no model.forecaster: that has its own") for name in FIXED),
    ("training.truncate", lambda c: c.model.api == "numpy", 'model.api = "numpy": no other gradient is cut so'),
    (
        "training.average_last",
        lambda c: not c.training.patience,
        "training.patience = 0: the last epochs must be known",
    ),
    (
        "training.average_last",
        lambda c: c.training.keep == "last",
        'training.keep = "last": it is the mean that is kept',
    ),
    ("training.momentum", lambda c: c.training.optimizer == "sgd", 'training.optimizer = "sgd"'),
    ("training.step_epochs", lambda c: c.training.schedule == "step", 'training.schedule = "step"'),
    ("training.step_factor", lambda c: c.training.schedule == "step", 'training.schedule = "step"'),
)

SCRATCH = ModelSettings(cell="rnn", api="numpy", readout="last_step", init="keras")  # type: ignore[call-arg]
SCRATCH_READS = {"hidden", "transpose_fault"}


def faults(config: Config, reads: frozenset[str]) -> Iterator[str]:
    """Yield a sentence for each setting that nothing would read in a task that reads `reads` of OPTIONAL."""
    task = config.recipe.task
    unread = [_dotted(name) for name in OPTIONAL if name not in reads and _set(config, _dotted(name))]
    for setting in unread:
        yield f"{setting}: the task `{task}` does not read it. Leave it out."
    for setting, holds, need in NEEDS:
        if setting not in unread and _set(config, setting) and not holds(config):
            yield f"{setting} needs {need}. Change that, or leave {setting} out."
    if config.model.api == "numpy":
        yield from _of_scratch(config, reads)


def _of_scratch(config: Config, reads: frozenset[str]) -> Iterator[str]:
    if "transpose_fault" not in reads:
        yield f'model.api: the task `{config.recipe.task}` has no network in NumPy. Set it to "layer" or "cell".'
        return
    for name in ModelSettings.model_fields.keys() - SCRATCH_READS:
        if getattr(config.model, name) != getattr(SCRATCH, name):
            yield f"model.{name} must be {getattr(SCRATCH, name)!r} in the network from scratch; that one is fixed."


def _dotted(name: str) -> str:
    return name if "." in name else f"model.{name}"


def _set(config: Config, setting: str) -> bool:
    section, _, name = setting.partition(".")
    kind, given = (ModelSettings, config.model) if section == "model" else (TrainingSettings, config.training)
    default: Any = kind.model_fields[name].default
    return bool(getattr(given, name) != default)
