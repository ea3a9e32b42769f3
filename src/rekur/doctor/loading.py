"""From ``path/to/model.py:build`` to the object it names: other people's models, batches, losses, optimizers."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from rekur.doctor.findings import reason_of
from rekur.doctor.patient import ByHand, Patient, Source
from rekur.errors import RekurError, RequestError, nearest

BATCH_WORDS = ("batch", "target", "lengths", "causal")  # the keys of a batch given as a dict
BY_HAND_WORDS = ("parameters", "loss", "gradients")


def patient(model: str, batch: str | None = None, loss: str | None = None, optimizer: str | None = None) -> Patient:
    """Build the patient that these names mean; each is ``file.py:name`` or ``package.module:name``.

    `model` names a module, a class of modules that takes no argument, or a function that returns a module; or
    hand-written gradients: a mapping or an object with `parameters`, `loss` and `gradients` (see `ByHand`).
    `batch` names the batch or a function that returns it, in the form of `split`. `loss` names ``loss(output, target)``
    or a module; `optimizer` an optimizer, or a function of the model that returns one.
    Raises RequestError for a name that leads nowhere, RekurError where the code it names fails.
    """
    found = built(named(model), model)
    source = Source(_sources(name for name in (model, batch, loss, optimizer) if name))
    if (by_hand := _by_hand(found)) is not None:
        return Patient(by_hand=by_hand, source=source)
    if batch is None:
        raise RequestError(f"A batch is needed to examine {model}. Add --batch path/to/file.py:name.")
    given = split(_called(named(batch), batch))
    stepped = _optimizer(optimizer, found, made_here=found is not named(model)) if optimizer else None
    return of_model(found, loss=named(loss) if loss else None, optimizer=stepped, source=source, **given)


def of_model(model: Any, *, batch: Any, loss: Any = None, source: Source | None = None, **given: Any) -> Patient:
    """Return a model and its batch as a patient; the words are those of `rekur.doctor.examine`.

    What the model's own code raises is kept as the reason why it is not known. Raises RequestError for a model that is
    no module, and for a loss that does not take an output and a target.
    """
    from torch import nn

    from rekur.doctor.model.subject import Subject

    if not isinstance(model, nn.Module):
        raise RequestError(
            f"The model must be a torch.nn.Module or a function that builds one; got {_kind(model)}. "
            "Make it first, or name a function without arguments that returns it."
        )
    loss = _loss(loss)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            return Patient(model=Subject(model, batch, loss=loss, **given), source=source)
    except (Exception, SystemExit) as error:  # the patient's own code may raise anything
        return Patient(source=source, not_known={"every check of the model": reason_of(error)})


def _kind(found: Any) -> str:
    return f"the class {found.__name__}" if inspect.isclass(found) else type(found).__name__


def split(given: Any) -> dict[str, Any]:
    """Return the arguments `batch`, `target`, `lengths` and `causal` that a batch means.

    A dict with the key `batch` names them itself. A pair is (batch, target) and a triple (batch, lengths, target), as
    data loaders give them; anything else is the batch alone.
    """
    if isinstance(given, Mapping) and "batch" in given:
        unknown = set(given) - set(BATCH_WORDS)
        if unknown:
            word = sorted(map(str, unknown))[0]
            raise RequestError(f"The batch has a key `{word}`. {nearest(word, BATCH_WORDS)}")
        return dict(given)
    if isinstance(given, tuple | list) and len(given) == 2 and not hasattr(given, "_fields"):
        return {"batch": given[0], "target": given[1]}
    if isinstance(given, tuple | list) and len(given) == 3 and not hasattr(given, "_fields"):
        return {"batch": given[0], "lengths": given[1], "target": given[2]}
    return {"batch": given}


def named(name: str) -> Any:
    """Return the object that ``file.py:name`` or ``package.module:name`` means; the code of the file is run once."""
    place, colon, attribute = name.rpartition(":")
    if not colon or not attribute or not place:
        raise RequestError(f"A place in code is written path/to/file.py:name; got `{name}`.")
    module = _module(place)
    found: Any = module
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise RequestError(f"{place} has no `{part}`. {nearest(part, _public(found))}")
        found = getattr(found, part)
    return found


def built(found: Any, name: str) -> Any:
    """Return the model itself, where `found` is a class or a function that makes it."""
    if inspect.isclass(found) or inspect.isroutine(found):
        return _called(found, name)
    return found


def _called(found: Any, name: str) -> Any:
    """Call a class or a function that needs no argument; anything else is returned as it is."""
    if not (inspect.isclass(found) or inspect.isroutine(found)):
        return found
    needed = [
        parameter.name
        for parameter in _parameters(found)
        if parameter.default is parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    if needed:
        raise RequestError(
            f"{name} needs {', '.join(needed)}. Name a function without arguments, such as "
            f"`def build(): return {name.rpartition(':')[2]}(...)`."
        )
    with _failing(name):
        return found()


def _parameters(found: Any) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(found).parameters.values())
    except (TypeError, ValueError):
        return []


def _loss(found: Any) -> Any:
    """A loss is called with output and target; a class of losses is made first, and so is what a maker returns."""
    if found is None:
        return None
    if inspect.isclass(found) or (inspect.isroutine(found) and not _parameters(found)):
        found = _called(found, getattr(found, "__name__", "the loss"))
    if not callable(found):
        raise RequestError(f"The loss must be loss(output, target); got {_kind(found)}.")
    try:
        inspect.signature(getattr(found, "forward", found)).bind(0, 0)
    except TypeError as error:
        raise RequestError(
            f"The loss must take an output and a target; {getattr(found, '__name__', type(found).__name__)} does not: "
            f"{error}. Wrap it: `def loss(output, target): return ...`."
        ) from None
    except ValueError:
        pass  # it has no signature to read
    return found


def _optimizer(name: str, model: Any, made_here: bool) -> Any:
    """The optimizer itself, or what a function, or a class, of the model makes."""
    found = named(name)
    if not inspect.isroutine(found) and not inspect.isclass(found):
        if made_here:
            raise RequestError(
                f"{name} steps a model of its own, and the one examined was built anew. Name the model it was made "
                "for, or a function of the model that returns an optimizer."
            )
        return found
    with _failing(name):
        given = (model.parameters(),) if inspect.isclass(found) else (model,) if _parameters(found) else ()
        return found(*given)


def _by_hand(found: Any) -> ByHand | None:
    """Hand-written gradients, if that is what was named."""
    if isinstance(found, ByHand):
        return found
    parts = found if isinstance(found, Mapping) else {w: getattr(found, w) for w in BY_HAND_WORDS if hasattr(found, w)}
    if set(BY_HAND_WORDS) - set(parts) or not isinstance(parts["parameters"], Mapping):
        return None
    return ByHand(parts["parameters"], parts["loss"], parts["gradients"])


def _module(place: str) -> ModuleType:
    if not place.endswith(".py"):
        with _failing(place), _importable(Path.cwd()):
            try:
                return importlib.import_module(place)
            except ModuleNotFoundError as error:
                raise RequestError(
                    f"No module is called `{error.name}`. Give a path/to/file.py, or install it."
                ) from None
    path = Path(place)
    if not path.is_file():
        raise RequestError(f"There is no file {place}.")
    name = f"rekur_patient_{abs(hash(path.resolve()))}"
    if name in sys.modules:
        return sys.modules[name]
    specification = importlib.util.spec_from_file_location(name, path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    try:
        with _failing(place), _importable(path.resolve().parent):
            specification.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _sources(names: Iterator[str]) -> dict[Path, str]:
    found = {}
    for name in names:
        place = name.rpartition(":")[0]
        path = Path(place) if place.endswith(".py") else Path(getattr(sys.modules.get(place), "__file__", None) or "")
        if path.suffix == ".py" and path.is_file():
            found[path] = path.read_text(encoding="utf-8", errors="replace")
    return found


def _public(found: Any) -> list[str]:
    return [name for name in dir(found) if not name.startswith("_")]


@contextlib.contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Let a file import its neighbours, as it could when run by itself."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


@contextlib.contextmanager
def _failing(name: str) -> Iterator[None]:
    """Whatever the named code raises is its own failure, and said so."""
    try:
        with contextlib.redirect_stdout(sys.stderr):  # stdout is for what we say
            yield
    except RekurError:
        raise
    except (Exception, SystemExit) as error:
        raise RekurError(f"{name} failed while it was run: {reason_of(error)}. Mend it, or give another.") from error
