"""One run, in the words the templates use."""

from __future__ import annotations

from functools import cached_property

from rekur.report import words
from rekur.report.facts import Facts
from rekur.report.layout import Block, Picture, Section
from rekur.report.sections import ALL
from rekur.runs import Run

SIGNS = {  # verdict -> CSS class, and the sign that says it without colour
    "better": ("better", "▲"),
    "not distinguishable": ("even", "≈"),
    "not distinguishable from chance": ("worse", "▼"),
    "worse": ("worse", "▼"),
    "worse than chance": ("worse", "▼"),
}
FILES = {
    "metrics.json": "every figure",
    "history.jsonl": "each epoch",
    "predictions.parquet": "each test item",
    "config.toml": "the recipe",
    "model.safetensors": "the weights",
}


class Page:
    """One run, in the words its templates use."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.facts = Facts(run)

    @cached_property
    def sections(self) -> list[Section]:
        """The parts of the page that have something to say."""
        return [section for build in ALL if (section := build(self.facts))]

    @cached_property
    def pictures(self) -> list[Picture]:
        """Every picture of the page."""
        return [picture for section in self.sections for picture in section.pictures]

    # the head

    @property
    def name(self) -> str:
        """The recipe's name."""
        return self.facts.name

    @property
    def title(self) -> str:
        """The recipe's title."""
        return self.facts.title

    @property
    def eyebrow(self) -> list[str]:
        """The line above the title."""
        chapter = str(self.facts.recipe.get("chapter", ""))
        task = str(self.facts.metrics.get("task") or self.facts.recipe.get("task", ""))
        return [part for part in (self.name, task, f"chapter {chapter}" if len(chapter) == 1 else chapter) if part]

    @property
    def sentence(self) -> str:
        """The verdict for people."""
        return self.facts.sentence

    @property
    def tone(self) -> str:
        """The CSS class of the verdict."""
        return SIGNS.get(self.facts.verdict, ("none", ""))[0]

    @property
    def sign(self) -> str:
        """The verdict as a sign, so that colour never stands alone."""
        return SIGNS.get(self.facts.verdict, ("none", ""))[1]

    @property
    def tiles(self) -> list[tuple[str, str, str]]:
        """The figures at a glance: name, value, what stands below."""
        facts, metric = self.facts, self.facts.metric
        found = []
        if metric:
            found.append((f"{words.name_of(metric)}, ours", self.ours, self.within.strip(words.ABSENT)))
        if facts.baselines:
            found.append(("best rival", self.rival, self.rival_name))
        if facts.published:
            key = metric if metric in facts.published else next(iter(facts.published))
            below = f"{facts.published_part} part" if key == metric else words.name_of(key)
            found.append(("published", words.show(key, facts.published[key]), below))
        found.append(("parameters", words.whole(facts.metrics.get("parameters")), ""))
        found.append(("epochs", words.whole(facts.metrics.get("epochs")), ""))
        return [*found, ("time", self.time, "")]

    @property
    def warnings(self) -> list[str]:
        """What the run warned of."""
        return [str(warning) for warning in self.facts.metrics.get("warnings") or ()]

    @property
    def faults(self) -> list[str]:
        """Faults the recipe reproduces on purpose."""
        return [str(fault) for fault in self.facts.recipe.get("faults", ())]

    @property
    def mends(self) -> list[str]:
        """What the mended form changes."""
        return [str(mend) for mend in self.facts.recipe.get("mends", ())]

    # the foot

    @property
    def _reason(self) -> str:
        """Why there is no published figure."""
        return str(self.facts.config.get("published", {}).get("reason") or "")

    @property
    def _fitted(self) -> bool:
        """Whether `rekur fit` made the recipe: nobody expects a published figure then."""
        return "rekur fit" in self._reason

    @property
    def made(self) -> list[tuple[str, str]]:
        """How the run was made."""
        metrics, about = self.facts.metrics, self.run.about()
        values = {
            "seed": metrics.get("seed", about.get("seed")),
            "threads": metrics.get("threads", about.get("threads")),
            "device": metrics.get("device", about.get("device")),
            "engine": metrics.get("engine"),
            "machine": metrics.get("machine"),
            "date": str(metrics.get("date") or "")[:10],
            "best epoch on validation": words.whole(metrics.get("best_epoch")),
            "published figure from": self.facts.part("published").get("source"),
            "no published figure because": "" if self._fitted else self._reason,
        }
        return [(name, str(value)) for name, value in values.items() if value not in (None, "", words.ABSENT)]

    @property
    def config_text(self) -> str:
        """The recipe as it was run."""
        return self.facts.config_text

    @property
    def files(self) -> list[tuple[str, str, str]]:
        """The files beside the page: address, name, what they hold."""
        return [(name, name, says) for name, says in FILES.items() if (self.run.path / name).exists()]

    @property
    def version(self) -> str:
        """The rekur that made the run."""
        return str(self.run.about().get("rekur", ""))

    @property
    def folder(self) -> str:
        """The run folder's name."""
        return self.run.path.resolve().name

    # a row and a card of the shelf

    @property
    def anchor(self) -> str:
        """The card's place on the shelf page."""
        return f"{words.slug(self.name)}-{words.slug(self.folder)}"

    @property
    def metric_name(self) -> str:
        """The words for the metric the verdict is about."""
        return words.name_of(self.facts.metric) if self.facts.metric else words.ABSENT

    @property
    def ours(self) -> str:
        """Our figure."""
        return words.show(self.facts.metric, self.facts.test.get(self.facts.metric))

    @property
    def within(self) -> str:
        """Its 95 % interval."""
        pair = self.facts.interval(self.facts.metric)
        return words.interval(self.facts.metric, *pair) if pair else words.ABSENT

    @property
    def rival_name(self) -> str:
        """The best rival: the one the verdict compares with."""
        return str(self.facts.part("versus").get("baseline") or next(iter(self.facts.baselines), ""))

    @property
    def rival(self) -> str:
        """The best rival's figure."""
        return words.show(self.facts.metric, self.facts.baselines.get(self.rival_name, {}).get(self.facts.metric))

    @property
    def verdict_words(self) -> str:
        """The verdict in a word or two."""
        return self.facts.verdict or words.ABSENT

    @property
    def time(self) -> str:
        """How long the run took."""
        return words.seconds(self.facts.part("seconds").get("total"))

    @property
    def keys(self) -> list[Picture | Block]:
        """What a card shows: where the run stands, and what is most telling of its task."""
        return [section.key for section in self.sections if section.key][:2]
