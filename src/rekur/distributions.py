"""What is forecast of each value: a number, quantiles, or the parameters of a distribution.

    point              μ                       squared error
    median             q(1/2)                  absolute error
    quantiles          q(p) for each level p   pinball loss: max(p e, (p - 1) e), e = y - q(p)
    normal             μ, σ                    -ln p(y)
    student_t          μ, σ, ν > 2             -ln p(y), with tails as heavy as the data ask for
    negative_binomial  μ, α                    -ln p(y) of counts, variance μ + α μ²

A model gives P numbers for each value, and `links` says which of them must be made positive. Letters: N windows,
h horizon, Q levels. The losses are written in tensors' own methods, so that nothing here loads torch.
Sources: Salinas et al. 2020 (DeepAR) for the last three; Koenker and Bassett 1978 for the pinball loss.
"""

from __future__ import annotations

import abc
import math
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from rekur.errors import RequestError, nearest

Floats = NDArray[Any]
A = TypeVar("A")  # an array, or a tensor
SMALLEST = 1e-4  # of a scale: below it a likelihood has no bounds


class Distribution(abc.ABC):
    """What P parameters (N, h, P) say of the values (N, h)."""

    links: tuple[float | None, ...]  # of each parameter: what lies below it, where it must be positive
    random = True  # whether a value can be drawn
    counts = False  # whether values are whole numbers from 0, and only a scale may be taken from them
    located: tuple[int, ...] = (0,)  # the parameters that move with the values, by as much

    @property
    def parameters(self) -> int:
        """P."""
        return len(self.links)

    def loss(self, parameters: Any, target: Any, weight: Any = None) -> Any:
        """Return the mean loss (), differentiable, of tensors.

        Args:
            parameters: (N, h, P).
            target: (N, h); counts as they were counted, beside parameters `rescaled` to them.
            weight: (N, h) of each value, 0 where there is none to compare with; None for 1.
        """
        each = self.losses(parameters, target)
        if weight is None:
            return each.mean()
        return (each * weight).sum() / weight.sum().clamp(min=1e-9)

    @abc.abstractmethod
    def losses(self, parameters: Any, target: Any) -> Any:
        """Return the loss of each value (N, h), of tensors."""

    @abc.abstractmethod
    def quantiles(self, parameters: Floats, levels: Sequence[float]) -> Floats:
        """Return (N, h, Q), rising along Q for rising levels."""

    def mean(self, parameters: Floats) -> Floats:
        """Return the forecast (N, h) in one number: what the loss is least for."""
        return parameters[..., 0]

    def draw(self, parameters: Floats, generator: np.random.Generator) -> Floats:  # noqa: ARG002
        """Return one value (...) for each row of parameters (..., P)."""
        return parameters[..., 0]

    def rescaled(self, parameters: A, shift: Any, scale: Any) -> A:
        """Return the parameters of shift + scale * y, arrays or tensors; shift and scale are (N,), scale above 0."""
        moved: A = self._moved(parameters, _beside(shift, parameters), _beside(scale, parameters))
        return moved

    def _moved(self, parameters: Any, shift: Any, scale: Any) -> Any:
        return parameters * scale + shift


class Point(Distribution):
    """One number: the mean, by squared error. It is its own quantile at every level."""

    links = (None,)
    random = False

    def losses(self, parameters: Any, target: Any) -> Any:
        return (parameters[..., 0] - target) ** 2

    def quantiles(self, parameters: Floats, levels: Sequence[float]) -> Floats:
        return np.repeat(parameters, len(levels), axis=-1)


class Median(Point):
    """One number: the median, by absolute error."""

    def losses(self, parameters: Any, target: Any) -> Any:
        return (parameters[..., 0] - target).abs()


class Quantiles(Distribution):
    """The quantiles at `levels`, each by its pinball loss, twice: at the level 1/2 that is the absolute error."""

    random = False

    def __init__(self, levels: Sequence[float]) -> None:
        if not levels or any(not 0 < level < 1 for level in levels) or sorted(set(levels)) != list(levels):
            raise RequestError(f"quantiles: levels must rise between 0 and 1; got {list(levels)}.")
        self.levels = np.asarray(levels, np.float64)
        self.links = (None,) * len(levels)
        self.located = tuple(range(len(levels)))

    def losses(self, parameters: Any, target: Any) -> Any:
        errors = target[..., None] - parameters
        levels = errors.new_tensor(self.levels)
        return 2 * (levels * errors).maximum((levels - 1) * errors).mean(-1)

    def quantiles(self, parameters: Floats, levels: Sequence[float]) -> Floats:
        """Return (N, h, Q): sorted, linear between the levels trained, and the outermost ones beyond them."""
        ordered = np.sort(parameters, axis=-1)
        wanted = np.interp(levels, self.levels, np.arange(len(self.levels)))  # places among the levels trained
        below = np.floor(wanted).astype(int)
        above = np.ceil(wanted).astype(int)
        share = (wanted - below).astype(ordered.dtype)
        found: Floats = ordered[..., below] * (1 - share) + ordered[..., above] * share
        return found

    def mean(self, parameters: Floats) -> Floats:
        """Return the median (N, h), for which the middle level's loss is least."""
        return self.quantiles(parameters, (0.5,))[..., 0]


class Normal(Distribution):
    """N(μ, σ²)."""

    links = (None, SMALLEST)

    def losses(self, parameters: Any, target: Any) -> Any:
        mean, scale = parameters[..., 0], parameters[..., 1]
        return ((target - mean) / scale) ** 2 / 2 + scale.log() + math.log(2 * math.pi) / 2

    def quantiles(self, parameters: Floats, levels: Sequence[float]) -> Floats:
        from scipy.special import ndtri

        return _spread(parameters, ndtri(np.asarray(levels, np.float64)))

    def draw(self, parameters: Floats, generator: np.random.Generator) -> Floats:
        return parameters[..., 0] + parameters[..., 1] * generator.standard_normal(parameters.shape[:-1])

    def _moved(self, parameters: Any, shift: Any, scale: Any) -> Any:
        return parameters * scale + shift * _mask(parameters, 0)


class StudentT(Distribution):
    """μ + σ t with ν degrees of freedom; above two of them there is a variance."""

    links = (None, SMALLEST, 2.0)

    def losses(self, parameters: Any, target: Any) -> Any:
        mean, scale, freedom = (parameters[..., place] for place in range(3))
        squared = ((target - mean) / scale) ** 2
        height = (freedom / 2).lgamma() - ((freedom + 1) / 2).lgamma() + (freedom * math.pi).log() / 2
        return height + scale.log() + (freedom + 1) / 2 * (squared / freedom).log1p()

    def quantiles(self, parameters: Floats, levels: Sequence[float]) -> Floats:
        from scipy.special import stdtrit

        standard = stdtrit(parameters[..., 2:].astype(np.float64), np.asarray(levels, np.float64))
        return _spread(parameters, standard)

    def draw(self, parameters: Floats, generator: np.random.Generator) -> Floats:
        return parameters[..., 0] + parameters[..., 1] * generator.standard_t(parameters[..., 2])

    def _moved(self, parameters: Any, shift: Any, scale: Any) -> Any:
        moves, grows = _mask(parameters, 0), _mask(parameters, 0, 1)
        return parameters * (grows * scale + 1 - grows) + shift * moves


class NegativeBinomial(Distribution):
    """Counts with mean μ and variance μ + α μ²: a Poisson whose rate varies."""

    links = (1e-6, SMALLEST)
    counts = True
    located = ()

    def losses(self, parameters: Any, target: Any) -> Any:
        mean, spread = parameters[..., 0], parameters[..., 1]
        size = 1 / spread
        chosen = (target + 1).lgamma() + size.lgamma() - (target + size).lgamma()
        return chosen + size * (spread * mean).log1p() - target * ((spread * mean).log() - (spread * mean).log1p())

    def quantiles(self, parameters: Floats, levels: Sequence[float]) -> Floats:
        """Return (N, h, Q): the least counts that are as probable as the levels."""
        from scipy.special import betainc, nbdtrik

        mean, spread = (parameters[..., place, None].astype(np.float64) for place in range(2))
        size, sure = 1 / spread, 1 / (1 + spread * mean)
        wanted = np.asarray(levels, np.float64)
        found = np.maximum(np.ceil(np.nan_to_num(nbdtrik(wanted, size, sure))), 0)
        below = np.maximum(found - 1, 0)  # nbdtrik is inexact: a count too many, where one less is as probable
        enough = betainc(size, below + 1, sure) >= wanted
        return np.where(enough, below, found)  # type: ignore[no-any-return]

    def draw(self, parameters: Floats, generator: np.random.Generator) -> Floats:
        mean, spread = parameters[..., 0], parameters[..., 1]
        return generator.poisson(generator.gamma(1 / spread, spread * mean)).astype(parameters.dtype)

    def _moved(self, parameters: Any, shift: Any, scale: Any) -> Any:  # noqa: ARG002
        """Return μ ν and α / sqrt(ν) for a scale ν, as DeepAR does; counts have no shift."""
        first, second = _mask(parameters, 0), _mask(parameters, 1)
        return parameters * (first * scale + second * scale**-0.5)


KINDS: dict[str, type[Distribution]] = {
    "point": Point,
    "median": Median,
    "normal": Normal,
    "student_t": StudentT,
    "negative_binomial": NegativeBinomial,
}


def make(name: str, levels: Sequence[float] = ()) -> Distribution:
    """Return the distribution called `name`; `levels` are those that `quantiles` are trained at.

    >>> make("normal").quantiles(np.array([[[0.0, 2.0]]]), (0.5,)).tolist()
    [[[0.0]]]
    """
    if name == "quantiles":
        return Quantiles(levels)
    if name not in KINDS:
        raise RequestError(f"No distribution is called `{name}`. {nearest(name, (*KINDS, 'quantiles'))}")
    return KINDS[name]()


def _spread(parameters: Floats, standard: Floats) -> Floats:
    """Return μ + σ z (N, h, Q) of standard quantiles z (Q,) or (N, h, Q)."""
    found: Floats = parameters[..., :1] + parameters[..., 1:2] * standard
    return found


def _beside(numbers: Any, parameters: Any) -> Any:
    """Return (N,) as (N, 1, 1), beside (N, h, P)."""
    return numbers.reshape(-1, *(1,) * (parameters.ndim - 1))


def _mask(parameters: Any, *places: int) -> Any:
    """Return (P,), 1 at these places, of the kind and type of `parameters`."""
    mask = np.isin(np.arange(parameters.shape[-1]), places)
    return mask.astype(parameters.dtype) if isinstance(parameters, np.ndarray) else parameters.new_tensor(mask)
