"""A recipe end to end: data, training, one test, baselines, and the run folder that holds it all."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from rekur import config as configuration
from rekur import tasks
from rekur.config import Config
from rekur.errors import ConfigError, DataError, Interrupted, RefusedModelError, RequestError, in_a_line
from rekur.evaluation import telling
from rekur.evaluation.outcomes import Outcome
from rekur.models import fill, parameters
from rekur.nn import threads as threads_here
from rekur.runs import Run, free_place
from rekur.tasks.base import Task, Test, seed_torch
from rekur.training import devices, forms, machine, results
from rekur.training.events import Audience, Listener
from rekur.training.loop import FitResult, fit

Examine = Callable[["Finished", Test], list[dict[str, Any]]]

DRAWN_ON = 2  # threads that draw the first weights, whatever trains them: an orthogonal matrix's last bits depend on it


def run(
    config: Config | None,
    *,
    out: Path | None = None,
    data_dir: Path | None = None,
    seed: int = 1,
    device: str = "auto",
    threads: int | None = None,
    resume: Path | None = None,
    listeners: Iterable[Listener] = (),
    examine: Examine | None = None,
    form: bool = False,
) -> Run:
    """Train and test a recipe; return the run folder, complete but for the report.

    Args:
        config: the recipe; not needed with `resume`.
        out: the run folder, free or empty; by default the first free ./runs/<recipe>-<n>.
        data_dir: where the data sets are looked for first.
        seed: same seed, machine and thread count: same bits.
        threads: by default found by a short calibration.
        resume: an interrupted run, taken up with its own recipe, seed, device and threads.
        examine: looks at the finished work; what it returns becomes the metrics' "findings".
        form: whether it is one form of a recipe that compares several; rivals are fitted for the first alone.

    Raises RequestError for what the caller can mend, Interrupted, and RekurError. A run that fails before its
    first checkpoint leaves no folder behind.
    """
    audience = Audience(listeners)
    if resume is not None:
        folder = Run.open(resume)
        if folder.finished():
            return folder
        with folder.alone():
            folder.sweep()
            config, about = settings_of(folder)
            return Experiment(folder, config, about, data_dir, audience, examine, form).go(resume=True)
    if config is None:
        raise RequestError("A recipe is needed, or a run to resume.")
    config = resolved(config)
    about = About(seed, str(devices.choose(device)), threads, **machine.versions())
    with _reserved(out, config, about) as folder:
        return Experiment(folder, config, about, data_dir, audience, examine, form).go(resume=False)


def resolved(config: Config) -> Config:
    """Return `config` with every setting of `[data]` in it, as the task reads them; raises ConfigError."""
    task = tasks.create(config)
    forms.check(config, task)
    for other in forms.others(config).values():
        tasks.create(other)
    return config.model_copy(update={"data": task.data.model_dump(mode="json")})


@dataclass(frozen=True)
class About:
    """What a run depends on besides its recipe: the table `[run]` of config.toml."""

    seed: int
    device: str
    threads: int | None  # None: not yet calibrated
    engine: str
    processor: str
    rekur: str


def settings_of(folder: Run) -> tuple[Config, About]:
    """Return a run's recipe and what else it depends on; raises RefusedModelError if damaged."""
    try:
        config = resolved(configuration.parse(folder.config_text(), str(folder.path / "config.toml")))
        table = folder.about()
        words = {name: str(table[name]) for name in ("device", "engine", "processor", "rekur")}
        threads = table.get("threads")
        return config, About(int(table["seed"]), threads=None if threads is None else int(threads), **words)
    except (ConfigError, KeyError, TypeError, ValueError) as error:
        raise RefusedModelError(f"The settings of the run {folder.path} are damaged: {in_a_line(error)}.") from None


@dataclass(frozen=True)
class Finished:
    """A trained and tested model, its data in memory."""

    config: Config
    task: Task
    model: nn.Module
    history: Sequence[Mapping[str, Any]]  # one object an epoch
    metrics: Mapping[str, Any]  # what metrics.json holds, or will


def evaluate(folder: Run, data_dir: Path | None = None) -> dict[str, Any]:
    """Test the weights of a finished run again, beside baselines fitted again; return what metrics.json holds.

    Raises RefusedModelError if the weights are damaged, DataError if the data are not those of the training.
    Nothing is written.
    """
    before = folder.metrics()
    config, about = settings_of(folder)
    weights = folder.load_model()
    began = time.monotonic()
    task, model = prepared(config, about, data_dir)
    _check_same_data(task, folder)
    fill(model, weights, folder.path)
    _compute_on(about.threads or 1)
    read = time.monotonic()
    ours = task.test(model.eval()).outcome
    others = forms.scored(forms.finished(folder, config), ours)
    found = results.figures(task, ours, {**task.baselines(), **others})
    seconds = {"data": read - began, "train": 0.0, "test": time.monotonic() - read, "total": time.monotonic() - began}
    after = {**before, **found, "run": str(folder.path), "seconds": seconds}
    after["verdict"] = telling.word(found)
    return {**after, "sentence": telling.sentence(after)}


@dataclass
class Experiment:
    """One recipe on its way through data, training, test and baselines."""

    folder: Run
    config: Config
    about: About
    data_dir: Path | None
    audience: Audience
    examine: Examine | None = None
    form: bool = False

    def go(self, resume: bool) -> Run:
        """Do all of it, and write the folder."""
        self.seconds: dict[str, float] = {}
        with _named_interrupt(self.folder):
            with self._stage("data"):
                task, model = prepared(self.config, self.about, self.data_dir)
            for text in task.warnings:
                self.audience.on_warning(text)
            with self._stage("train"):
                self._settle(task, model, resume)
                fitted = self._fit(task, model, resume)
            with self._stage("test"):
                tested, evaluations = self._tested(task, model, fitted)
            baselines, others = self._rivals(task)
            found = results.figures(task, tested.outcome, {**baselines, **forms.scored(others, tested.outcome)})
            self.folder.save_model(_arrays(model), self.config.recipe.task)
            self.folder.write_predictions(tested.predictions)
            for name, table in tested.tables.items():
                self.folder.write_table(name, table)
            self.folder.write_extra(tested.extra)
            metrics = self._metrics(task, model, fitted, {**found, "evaluations": evaluations})
            if self.form or self.config.compare:
                metrics["sizes"] = task.sizes(model)
            if self.examine is not None:
                with self._stage("doctor"):
                    finished = Finished(self.config, task, model, self.folder.history(), metrics)
                    metrics["findings"] = self.examine(finished, tested)
            metrics["seconds"] = {**self.seconds, "total": sum(self.seconds.values())}
            if self.config.compare:
                metrics["compared"] = forms.rows(self.config, task, tested.outcome, metrics, others)
            self.folder.write_metrics(metrics)
        return self.folder

    def _rivals(self, task: Task) -> tuple[dict[str, Outcome], dict[str, Run]]:
        """Return the outcomes of the cheap rivals, and the runs of the recipe's other forms."""
        if self.form:
            return {}, {}
        with self._stage("baselines"):
            baselines = task.baselines()
        if not self.config.compare:
            return baselines, {}
        with self._stage("forms"):
            others = forms.train(run, self.folder, self.config, task, self.audience, self.data_dir)
        return baselines, others

    def _tested(self, task: Task, model: nn.Module, fitted: FitResult) -> tuple[Test, list[dict[str, Any]]]:
        """Test as often as the chapter's script does, and log each time as it prints it."""
        log = []
        for _ in range(self.config.script.tests):
            tested = task.test(model)
            log.append({"part": "test", "epoch": fitted.epochs, **results.printed(tested.outcome, self.config)})
        return tested, log

    def _settle(self, task: Task, model: nn.Module, resume: bool) -> None:
        """Make sure a resumed run computes what it did before, and choose the number of threads."""
        if resume:
            self._check_same_machine(task)
            _check_same_data(task, self.folder)
        self.folder.write_files(task.files())
        count = self.about.threads or machine.calibrated(task, model)
        _compute_on(count)
        self.folder.update_about(threads=count)

    def _check_same_machine(self, task: Task) -> None:
        before, here = vars(self.about), machine.versions()
        changed = [f"{name} was {before[name]}, is {now}" for name, now in here.items() if before[name] != now]
        if changed:
            text = f"Resumed on another machine or version ({'; '.join(changed)}): the last bits may differ."
            task.warnings.append(text)
            self.audience.on_warning(text)

    def _fit(self, task: Task, model: nn.Module, resume: bool) -> FitResult:
        with _multiplying(self.config.training.precision):
            return fit(
                task,
                model,
                self.config.training,
                run=self.folder,
                seed=self.about.seed,
                listeners=self.audience.listeners,
                resume=resume,
            )

    def _metrics(self, task: Task, model: nn.Module, fitted: FitResult, found: dict[str, Any]) -> dict[str, Any]:
        here = threads_here.describe()
        metrics = {
            "recipe": self.config.recipe.name,
            "task": self.config.recipe.task,
            "run": str(self.folder.path),
            "seed": self.about.seed,
            "device": self.about.device,
            "engine": here["engine"],
            "threads": here["threads"],
            "machine": here["processor"],
            "date": datetime.now().astimezone().isoformat(timespec="seconds"),
            "seconds": {},  # filled when all is done
            "parameters": parameters(model),
            "items_per_second": fitted.items / fitted.seconds if fitted.seconds else None,
            "peak_memory": machine.peak_memory(),
            "epochs": fitted.epochs,
            "best_epoch": fitted.best_epoch,
            "training": task.training_metrics(self.folder.history()),
            "validation": fitted.validation,
            **found,
            "published": results.published(self.config.published),
            "findings": [],
            "warnings": [*task.warnings, *fitted.warnings],
        }
        metrics["verdict"] = telling.word(metrics)
        return {**metrics, "sentence": telling.sentence(metrics)}

    @contextlib.contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        self.audience.on_stage(name)
        began = time.monotonic()
        yield
        self.seconds[name] = time.monotonic() - began


def prepared(config: Config, about: About, data_dir: Path | None) -> tuple[Task, nn.Module]:
    """Return the task, its data read, and its untrained model."""
    _compute_on(DRAWN_ON)
    seed_torch(about.seed)
    task = tasks.create(config, about.seed, data_dir)
    task.load()
    seed_torch(about.seed)
    return task, task.build().to(devices.choose(about.device))


def _compute_on(count: int) -> None:
    torch.set_num_threads(count)
    threads_here.flush_denormals()
    threads_here.keep_memory()


@contextlib.contextmanager
def _multiplying(precision: str) -> Iterator[None]:
    """Let rekur's layers and losses multiply as roughly as `precision` says, for the block alone.

    torch's own products stay float32: in bfloat16 its library keeps 300 MB for every shape it meets, and a translator
    meets hundreds of shapes in an epoch.
    """
    before, library = torch.get_float32_matmul_precision(), cast(Any, getattr(torch.backends.mkldnn, "matmul", None))
    of_library = getattr(library, "fp32_precision", None)  # since torch 2.9
    torch.set_float32_matmul_precision(precision)
    if of_library is not None:
        library.fp32_precision = "ieee"
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
        if of_library is not None:
            library.fp32_precision = of_library


@contextlib.contextmanager
def _reserved(out: Path | None, config: Config, about: About) -> Iterator[Run]:
    """Make the run folder first: a place that cannot be written is known at once. Drop it if all fails."""
    existed = out is not None and out.exists()
    absent = [parent for parent in (out or Path("runs/1")).absolute().parents if not parent.exists()]
    path = out or free_place(config.recipe.name)
    folder = Run.create(path, configuration.dump(config), **vars(about))
    with folder.alone():
        try:
            yield folder
        except BaseException:
            if not folder.last_dir.exists():
                shutil.rmtree(path, ignore_errors=True)
                if existed:
                    path.mkdir(exist_ok=True)
                with contextlib.suppress(OSError):  # another run may have moved in
                    for parent in absent:
                        parent.rmdir()
            raise


@contextlib.contextmanager
def _named_interrupt(folder: Run) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        if folder.last_dir.exists():
            raise Interrupted(f"Interrupted. Continue with `rekur run --resume {folder.path}`.") from None
        raise Interrupted("Interrupted before the training began; nothing was written.") from None


def _check_same_data(task: Task, folder: Run) -> None:
    before = folder.files()  # not all of them, if the run was killed while it wrote them
    differing = sorted(name for name, text in task.files().items() if before.get(name, text) != text)
    if differing:
        raise DataError(
            f"These are not the data the run {folder.path} was trained on: {', '.join(differing)} differs. "
            "Give the same data again with --data or REKUR_DATA."
        )


def _arrays(model: nn.Module) -> dict[str, Any]:
    return {name: tensor.detach().cpu().numpy() for name, tensor in model.state_dict().items()}
