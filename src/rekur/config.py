"""Recipes: what a run is made of, as data. Read from TOML, checked whole, written back resolved.

A recipe has the sections `[recipe] [data] [model] [training] [script] [compare] [published] [smoke]`. `[data]`
belongs to the task (its `Data` class checks it); the other sections are described here.
"""

from __future__ import annotations

import reprlib
import tomllib
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rekur.errors import ConfigError, nearest

S = TypeVar("S", bound="Settings")
Width = Annotated[int, Field(ge=1, le=16_384)]  # of a layer: more would fill the memory before anything is said
Dilations = Annotated[tuple[Width, ...], Field(strict=False, min_length=1, max_length=8)]  # of one residual block


class Settings(BaseModel):
    """A section whose every key is known and typed; unknown keys are errors, and `true` is no number.

    Tuples are `strict=False`, or TOML's lists were none. A schema is built when it first checks something: a prediction
    needs two of a dozen.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False, defer_build=True)


class RecipeInfo(Settings):
    """What the shelf says of a recipe."""

    name: str
    title: str
    task: str
    chapter: str = ""
    faults: tuple[str, ...] = Field((), strict=False, description="faults reproduced on purpose, a sentence each")
    mends: tuple[str, ...] = Field((), strict=False, description="what the mended form changes, a sentence each")


class ModelSettings(Settings):
    """Embed + Core + Readout (see `rekur.models`)."""

    cell: Literal["rnn", "gru", "lstm"] = "gru"
    api: Literal["layer", "cell", "numpy"] = Field(
        "layer", description="cell: loop a cell over the steps in Python; numpy: the from-scratch network"
    )
    transpose_fault: bool = Field(
        False, description="numpy: go back through W_h where its transpose belongs, chapter C's fault"
    )
    embedding: int = Field(0, ge=0, le=16_384, description="embedding size E of token ids; 0: one-hot tokens or values")
    hidden: Width = 128
    layers: int = Field(1, ge=1, le=16)
    bidirectional: bool = False
    batch_first: bool = Field(True, description="false takes a batch-first array for time-first: chapter E's fault")
    readout: Literal["last", "last_step", "mean", "max", "mean_max", "attention", "flatten", "every", "decoder"] = (
        "last"
    )
    decoder_hidden: int = Field(0, ge=0, le=16_384, description="hidden units of the decoder; 0: as many as `hidden`")
    decoder_layers: int = Field(0, ge=0, le=16, description="layers of the decoder; 0: as many as `layers`")
    attention: Literal["none", "dot", "general", "additive"] = Field(
        "none", description="how the decoder weighs the encoder's steps; none: it has their last state alone"
    )
    input_feeding: bool = Field(False, description="the decoder reads what it attended to a step before, too")
    tied: bool = Field(False, description="the output layer shares its weights with the embedding of its words")
    cutoffs: tuple[Width, ...] = Field(
        (), strict=False, max_length=8, description="tied: ids at which the words part into a head and tails, rising"
    )
    crf: bool = Field(False, description="tags: a conditional random field scores whole sequences of tags")
    characters: int = Field(0, ge=0, le=16_384, description="tags: embedding size of a word's characters; 0: not read")
    characters_hidden: int = Field(0, ge=0, le=16_384, description="tags: hidden units that read them, each way")
    convolution: tuple[Width, ...] = Field(
        (), strict=False, max_length=8, description="images: channels of each convolution before their columns are read"
    )
    head: tuple[Width, ...] = Field(
        (), strict=False, max_length=16, description="sizes of hidden Linear + ReLU layers before the output"
    )
    linear: bool = Field(True, description="false reads the state itself as the logits")
    squash: Literal["none", "sigmoid"] = Field("none", description="what the output passes before the loss")
    residual: bool = Field(False, description="forecast the change from the last value, not the value")
    init: Literal["torch", "keras"] = "torch"
    dropout_embedding: float = Field(0.0, ge=0, lt=1)
    dropout_words: float = Field(0.0, ge=0, lt=1, description="share of tokens replaced by the unknown token")
    dropout_layers: float = Field(0.0, ge=0, lt=1)
    dropout_readout: float = Field(0.0, ge=0, lt=1)
    dropout_weights: float = Field(0.0, ge=0, lt=1, description="share of W_hh dropped for a whole batch (weight drop)")
    variational: bool = Field(False, description="every dropout leaves out the same units at all steps of a sequence")
    dropout_thrown_away: float = Field(0.0, ge=0, lt=1, description="computed, then not used: chapters A and B")
    evidence: int = Field(
        0,
        ge=0,
        le=5,
        description="texts: read n-grams' log-count ratios, or their weights in a regression, up to this order, too",
    )
    ballot: bool = Field(False, description="texts: add a linear vote of the n-grams that evidence knows")
    figures: int = Field(
        0,
        ge=0,
        le=1024,
        description="sequences of numbers: points they are told in for a linear vote beside the network",
    )
    segment: int = Field(
        0, ge=0, le=16_384, description="cut texts into segments of this many tokens, or histories into so many steps"
    )
    forecaster: Literal["", "direct", "autoregressive", "segments", "dilated", "decoder"] = Field(
        "", description="how a horizon of many steps is forecast (see `rekur.models.forecasters`)"
    )
    distribution: Literal["point", "median", "quantiles", "normal", "student_t", "negative_binomial"] = Field(
        "point", description="what is forecast of each value (see `rekur.distributions`)"
    )
    highway: int = Field(
        0,
        ge=0,
        le=16_384,
        description="forecasters: last values of the target that a linear map reads, beside the rest",
    )
    start: Literal["random", "linear"] = Field(
        "random",
        description="forecasters: linear fits that map before the training, and the network learns to better it",
    )
    dilations: tuple[Dilations, ...] = Field(
        ((1, 4), (24, 168)), strict=False, min_length=1, max_length=8, description="steps back that each layer looks"
    )


class TrainingSettings(Settings):
    """How the weights are found (see `rekur.training`)."""

    optimizer: Literal["adam", "adamw", "sgd"] = "adam"
    learning_rate: float = Field(1e-3, gt=0)
    momentum: float = Field(0.0, ge=0, lt=1)
    weight_decay: float = Field(0.0, ge=0)
    batch: int = Field(64, ge=1)
    epochs: int = Field(10, ge=0)
    clip: float = Field(0.0, ge=0, description="largest norm of the gradient; 0: no clipping")
    schedule: Literal["none", "one_cycle", "step"] = "none"
    step_epochs: int = Field(10, ge=1, description="schedule step: epochs between two reductions")
    step_factor: float = Field(0.1, gt=0, le=1)
    average: float = Field(0.0, ge=0, lt=1, description="decay of the exponential average of weights; 0: none")
    patience: int = Field(0, ge=0, description="stop after this many epochs without a better validation; 0: never")
    keep: Literal["last", "best"] = Field("last", description="weights tested: the last or the best on validation")
    truncate: int = Field(0, ge=0, description="truncated BPTT: steps a gradient flows back; 0: all")
    average_last: int = Field(
        0, ge=0, description="test the mean of the weights after each of the last n epochs; 0: no"
    )
    precision: Literal["highest", "high", "medium"] = Field(
        "highest", description="of the products in training: medium multiplies in bfloat16; tests are always highest"
    )
    label_smoothing: float = Field(0.0, ge=0, lt=1, description="share of the target spread over all words")
    teacher_forcing: float = Field(1.0, ge=0, le=1, description="share of true words the decoder reads at first")
    teacher_forcing_end: float = Field(1.0, ge=0, le=1, description="... and in the last epoch; linear between")


class ScriptSettings(Settings):
    """What a chapter's script does around its model and its training, faults included."""

    constants: dict[str, float] = Field(
        default_factory=dict, description="settings the script defines by these names and never uses"
    )
    tests: int = Field(1, ge=1, le=100, description="times the test part is evaluated, with no training between")
    loss_divided_by: Literal["batches", "examples"] = Field(
        "batches", description="of the test loss it prints: the sum of the batches' means divided by this count"
    )


class Published(Settings):
    """The chapter's own figure, and where it stands."""

    metrics: dict[str, float] = Field(default_factory=dict)
    part: Literal["train", "validation", "test"] = "test"
    source: str = ""
    reason: str = Field("", description="why there is no published figure")


class Config(Settings):
    """A whole recipe."""

    recipe: RecipeInfo
    data: dict[str, Any] = Field(default_factory=dict)
    model: ModelSettings = Field(default_factory=ModelSettings)  # type: ignore[arg-type]
    training: TrainingSettings = Field(default_factory=TrainingSettings)  # type: ignore[arg-type]
    script: ScriptSettings = Field(default_factory=ScriptSettings)  # type: ignore[arg-type]
    compare: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="forms of the recipe, trained beside each other, and what each changes"
    )
    published: Published = Field(default_factory=Published)  # type: ignore[arg-type]
    smoke: dict[str, Any] = Field(default_factory=dict, description="dotted keys that make it run in seconds")


def check(kind: type[S], values: Mapping[str, Any], where: str) -> S:
    """Build `kind` from `values`, or raise one ConfigError that lists every fault found."""
    try:
        return kind.model_validate(dict(values))
    except ValidationError as error:
        raise ConfigError("\n".join(_explain(kind, fault, where) for fault in error.errors())) from None


def _explain(kind: type[BaseModel], fault: Any, where: str) -> str:
    path = [str(part) for part in fault["loc"]]
    key = ".".join([where, *path] if where else path)
    if fault["type"] == "extra_forbidden":
        return f"Unknown setting `{key}`. {nearest(path[-1], _keys_beside(kind, path))}"
    return f"Setting `{key}`: {fault['msg']}; got {reprlib.repr(fault['input'])}."


def _keys_beside(kind: type[BaseModel], path: list[str]) -> Iterable[str]:
    for part in path[:-1]:
        annotation = kind.model_fields[part].annotation
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return ()
        kind = annotation
    return kind.model_fields


def names() -> list[str]:
    """Return the names of the recipes shipped with rekur, in alphabetical order."""
    folder = resources.files("rekur") / "recipes"
    return sorted(entry.name[:-5] for entry in folder.iterdir() if entry.name.endswith(".toml"))


def load(name: str) -> Config:
    """Return the recipe called `name`, or the one in the TOML file at that path."""
    if name.endswith(".toml") and Path(name).is_file():
        try:
            return parse(Path(name).read_text(encoding="utf-8"), name)
        except UnicodeDecodeError as error:
            raise ConfigError(f"{name} is not UTF-8: {error.reason} at byte {error.start}. Save it as UTF-8.") from None
    if name not in names():
        raise ConfigError(f"No recipe is called `{name}`. {nearest(name, names())} `rekur recipes` lists them.")
    text = (resources.files("rekur") / "recipes" / f"{name}.toml").read_text(encoding="utf-8")
    return parse(text, f"{name}.toml")


def parse(text: str, where: str) -> Config:
    """Read a recipe from TOML `text`; `where` names the file in errors."""
    try:
        values = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise ConfigError(f"{where} is not valid TOML: {error}.") from None
    return check(Config, values, "")


def dump(config: Config) -> str:
    """Write `config` as TOML, every setting resolved."""
    return tomli_w.dumps(config.model_dump(mode="json"))


def override(config: Config, changes: Mapping[str, Any]) -> Config:
    """Return `config` with dotted keys changed: ``override(c, {"training.epochs": 3})``."""
    values = config.model_dump()
    for key, value in changes.items():
        section, _, name = key.partition(".")
        if section not in ("data", "model", "training") or not name:
            raise ConfigError(f"Unknown setting `{key}`. {nearest(key, _dotted(config))}")
        values[section][name] = value
    return check(Config, values, "")


def parse_assignments(assignments: Iterable[str]) -> dict[str, Any]:
    """Turn ``["training.epochs=3"]`` of the command line into typed values; a bare word is a string."""
    changes = {}
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals:
            raise ConfigError(f"--set takes key=value; got `{assignment}`. Example: --set training.epochs=3")
        try:
            changes[key.strip()] = tomllib.loads(f"v = {text}")["v"]
        except tomllib.TOMLDecodeError:
            changes[key.strip()] = text
    return changes


def _dotted(config: Config) -> list[str]:
    sections = {
        "data": config.data,
        "model": ModelSettings.model_fields,
        "training": TrainingSettings.model_fields,
    }
    return [f"{section}.{key}" for section, keys in sections.items() for key in keys]
