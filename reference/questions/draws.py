"""Hidden and personal tables: drawn from the fit of any table, with whole groups of it, new ids and new responses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import msgspec
import numpy as np
import pandas as pd

from reference import MixedFit, fit_mixed, parse_formula
from reference.arrays import Floats, Integers
from reference.data.formula import MixedModel
from reference.data.groups import read_groups
from reference.questions.dataset import Dataset, by_line
from reference.questions.expressions import derived, names_in
from reference.questions.fits import RESIDUAL
from reference.questions.formulas import predictors_in
from reference.questions.new_ids import renamed
from reference.questions.setting import QuestionError, Setting

LARGEST_CORRELATION = 0.85
SMALLEST_SD = 0.2
# What is drawn if the assignment says nothing: times as many groups, times the sds of the fit.
_MORE_GROUPS, _FEWEST_GROUPS = (0.8, 1.3), 5
_EFFECT_SD, _RESIDUAL_SD = (0.8, 1.6), (0.8, 1.2)
# Correlations between effects are drawn nearer to zero until no direction has a smaller share of the variance.
_SMALLEST_EIGENVALUE = 0.1
Range = tuple[float, float]


class Panels(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table ``[panels]`` of an assignment: how tables are drawn. Nothing needs to be given.

    Parameters
    ----------
    simulate : str
        The model whose fit they are drawn from; by default the last one.
    groups : mapping
        How many groups, from and to, of the outermost grouping factor, by its column. Of crossed factors the one named
        here is resampled, or else the first one of the formula.
    vary : float
        Fixed effects are multiplied by a number between 1 - vary and 1 + vary.
    fixed : mapping
        Bounds of the size of a fixed effect, by name, instead; its sign is that of the fit.
    either : tuple of str
        The fixed effects whose sign is drawn, too.
    sd : mapping
        Bounds of standard deviations: ``store_id`` of the intercept, ``store_id youtube`` of a slope, ``residual``.
    correlation : (float, float), optional
        Bounds of the correlation between the effects of a random term, instead of that of the fit.
    smallest_sd : float or mapping
        The smallest standard deviation of a random effect, in residual ones, that a fit may have; or by model.
    lure : mapping
        How far predictors follow, or shun, the strong groups of the outermost factor, by column: in their own standard
        deviations for each one of the groups. Without it the predictors of strong groups are those of any others, so
        that centring at the groups' means may make no difference that can be seen.
    decimals : int, optional
        Of the response, instead of as many as in the table.
    """

    simulate: str = ""
    groups: dict[str, tuple[int, int]] = {}
    vary: float = 0.3
    fixed: dict[str, Range] = {}
    either: tuple[str, ...] = ()
    sd: dict[str, Range] = {}
    correlation: Range | None = None
    smallest_sd: float | dict[str, float] = SMALLEST_SD
    lure: dict[str, float] = {}
    decimals: int | None = None

    def smallest(self, model: str) -> float:
        """Return the smallest standard deviation that a fit of a model may have, in residual ones."""
        return self.smallest_sd.get(model, SMALLEST_SD) if isinstance(self.smallest_sd, dict) else self.smallest_sd


def correlations_in(covariance: Floats) -> Floats:
    """Return correlations, zero where an effect has no variance."""
    sds = np.sqrt(np.diagonal(covariance))
    safe = np.where(sds > 0.0, sds, 1.0)
    return np.asarray(np.where(np.eye(sds.size) > 0, 1.0, covariance / np.outer(safe, safe)), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Source:
    """What tables are drawn from: a learners' table, the fit of its model, and the factor that is resampled.

    Whole groups of that factor are resampled with their rows, so that every predictor and every other column comes
    along; then the response is drawn anew. Every group has an id that the learners' table does not have.
    """

    setting: Setting
    panels: Panels
    data: Dataset
    fit: MixedFit
    outer: str

    @classmethod
    def of(cls, setting: Setting, panels: Panels, data: Dataset) -> Source:
        """Return what tables are drawn from.

        Raises
        ------
        QuestionError
            If ``panels`` speaks of what there is not, or tables cannot be drawn from this model.
        DesignError, ConvergenceError
            If the model cannot be fitted to the table.
        """
        name = panels.simulate or next(reversed(setting.models), "")
        if name not in setting.models:
            raise QuestionError(f"[panels] simulate: there is no model {name!r}; {_there_is(setting.models)}.")
        model = parse_formula(setting.models[name], name=name)
        _check_response(setting, model, data)
        fit = fit_mixed(by_line(derived(data.frame, setting.derive)), model, missing="raise")
        source = cls(setting, panels, data, fit, _outermost(setting, panels, model, data.frame))
        source._check()
        return source

    @property
    def _response(self) -> str:
        """The column of the response; a formula has it between backticks where it is no plain name."""
        return self.fit.model.response.strip("`")

    def draw(self, rng: np.random.Generator, source: str) -> Dataset:
        """Return a table, not yet examined; ``source`` is what messages call it."""
        rows, copies = self._resampled(rng)
        frame = self.data.frame.iloc[rows].reset_index(drop=True)
        old = frame
        for name in self._group_columns():
            # Groups that lie in a resampled one are new in each of its copies; all others only change their names.
            inside = _lies_in(self.data.frame, name, self.outer)
            frame = frame.assign(**{name: renamed(old[name], copies if inside else None, self.data.frame[name], rng)})
        modes = []
        first = next((n for n, term in enumerate(self.fit.model.terms) if term.group == (self.outer,)), None)
        for place, term in enumerate(self.fit.model.terms):
            codes, levels = read_groups(frame, term.group)
            factor = np.linalg.cholesky(self._covariance(place, rng))
            standard = rng.standard_normal((len(levels), factor.shape[0]))
            modes.append((standard @ factor.T)[codes])
            if place == first:
                # All effects of a strong group are large: its level as well as its slopes.
                frame = self._lured(frame, standard.mean(axis=1)[codes] * np.sqrt(factor.shape[0]), rng)
        whole = derived(frame, self.setting.derive)
        response = self._expected(whole, rng)
        for part, mode in zip(self.fit.design.encoding.random, modes, strict=True):
            response += np.einsum("ij,ij->i", part.matrix(whole), mode)
        response += self._sd(RESIDUAL, self.fit.sigma, _RESIDUAL_SD, rng) * rng.standard_normal(len(frame))
        rounded = _like_before(response, self.data.frame[self._response], self.panels.decimals)
        return Dataset(frame.assign(**{self._response: rounded}), source)

    def _lured(self, frame: pd.DataFrame, strength: Floats, rng: np.random.Generator) -> pd.DataFrame:
        """Return the table with predictors that follow, or shun, the strong groups of the resampled factor."""
        for name, size in self.panels.lure.items():
            before = self.data.frame[name]
            shifted = frame[name] + rng.choice([-1.0, 1.0]) * size * float(before.std()) * strength
            frame = frame.assign(**{name: _like_before(shifted.to_numpy(), before, None, floor=0.0)})
        return frame

    def _check(self) -> None:
        """Raise QuestionError if the ranges speak of what the fit does not have, or a standard deviation is zero."""
        found = dict(self._fitted_sds())
        fixed = self.fit.design.fixed_names
        for key, known in (("sd", [*found, RESIDUAL]), ("fixed", fixed), ("either", fixed)):
            for name in getattr(self.panels, key):
                if name not in known:
                    raise QuestionError(f"[panels] {key}: there is no {name!r}; {_there_is(known)}.")
        for key in ("sd", "fixed"):
            for name, (low, high) in getattr(self.panels, key).items():
                if not 0.0 <= low <= high or (key == "sd" and low == 0.0):
                    raise QuestionError(
                        f"[panels] {key}: {name!r} is from {low:g} to {high:g}; give two sizes, the smaller first."
                    )
        for name in self.panels.lure:
            numbers = [str(one) for one in self.data.frame if pd.api.types.is_numeric_dtype(self.data.frame[one])]
            can = [one for one in numbers if one not in (*self._group_columns(), self._response)]
            if name not in can:
                raise QuestionError(f"[panels] lure: there is no predictor {name!r}; {_there_is(can)}.")
            if (self.outer,) not in self.fit.model.groups:
                raise QuestionError(f"[panels] lure: nothing varies by {self.outer!r} alone; leave lure out.")
        low, high = self.panels.correlation or (0.0, 0.0)
        if not -LARGEST_CORRELATION <= low <= high <= LARGEST_CORRELATION:
            raise QuestionError(
                f"[panels] correlation is from {low:g} to {high:g}; give two numbers from -{LARGEST_CORRELATION:g} to "
                f"{LARGEST_CORRELATION:g}, the smaller first."
            )
        if not 0.0 <= self.panels.vary < 1.0:
            raise QuestionError(f"[panels] vary is {self.panels.vary:g}; give 0 or more, and less than 1.")
        for name, sd in found.items():
            if sd <= 0.0 and name not in self.panels.sd:
                raise QuestionError(
                    f"[panels] sd: the model {self.fit.model.name!r} has no variance of {name!r} in {self.data.source}, "
                    f'so that none can be drawn; give sd = {{"{name}" = [from, to]}}.'
                )

    def _fitted_sds(self) -> Iterator[tuple[str, float]]:
        for term, fitted in zip(self.fit.model.terms, self.fit.terms, strict=True):
            for effect, variance in zip(fitted.effects, np.diagonal(fitted.covariance), strict=True):
                yield _sd_name(term.group[-1], effect), float(np.sqrt(variance))

    def _group_columns(self) -> list[str]:
        """Return the columns that name groups, those of the model first; one that has a fixed effect keeps its names."""
        model = [name for group in self.fit.model.groups for name in group]
        said = [name for name, column in self.setting.columns.items() if column.group and name in self.data.frame]
        used = predictors_in(self.fit.model)
        return [name for name in dict.fromkeys([*model, *said]) if name not in used]

    def _resampled(self, rng: np.random.Generator) -> tuple[Integers, Integers]:
        """Return the rows of the groups that were drawn, and which drawn group each is of."""
        codes = pd.factorize(self.data.frame[self.outer])[0]
        there_are = int(codes.max()) + 1
        low, high = self.panels.groups.get(self.outer) or (
            max(_FEWEST_GROUPS, round(_MORE_GROUPS[0] * there_are)),
            max(_FEWEST_GROUPS, round(_MORE_GROUPS[1] * there_are)),
        )
        wanted = int(rng.integers(low, high + 1))
        # Nobody comes a second time before everybody came once.
        rounds = [rng.permutation(there_are) for _ in range(-(-wanted // there_are))]
        rows = [np.flatnonzero(codes == group) for group in np.concatenate(rounds)[:wanted]]
        return np.concatenate(rows), np.repeat(np.arange(wanted), [len(one) for one in rows])

    def _expected(self, frame: pd.DataFrame, rng: np.random.Generator) -> Floats:
        """Return the fixed part of each row."""
        sizes = []
        for name, value in zip(self.fit.design.fixed_names, self.fit.coefficients, strict=True):
            if name in self.panels.fixed:
                size = rng.uniform(*self.panels.fixed[name]) * (-1.0 if value < 0.0 else 1.0)
            else:
                size = value * rng.uniform(1.0 - self.panels.vary, 1.0 + self.panels.vary)
            sizes.append(size * (rng.choice([-1.0, 1.0]) if name in self.panels.either else 1.0))
        return np.asarray(self.fit.design.encoding.fixed.matrix(frame) @ np.array(sizes), dtype=np.float64)

    def _covariance(self, place: int, rng: np.random.Generator) -> Floats:
        """Return the covariance of the effects of a random term; it is well inside the positive definite ones."""
        term, group = self.fit.terms[place], self.fit.model.terms[place].group[-1]
        fitted = np.sqrt(np.diagonal(term.covariance))
        names = [_sd_name(group, effect) for effect in term.effects]
        sds = np.array([self._sd(name, sd, _EFFECT_SD, rng) for name, sd in zip(names, fitted, strict=True)])
        among, one = correlations_in(term.covariance), np.eye(len(sds))
        if self.panels.correlation is not None:
            among = np.where(one > 0, 1.0, rng.uniform(*self.panels.correlation))
        largest = float(np.abs(among - one).max())
        among = one + (among - one) * min(1.0, LARGEST_CORRELATION / max(largest, LARGEST_CORRELATION))
        while np.linalg.eigvalsh(among)[0] < _SMALLEST_EIGENVALUE:
            among = one + 0.9 * (among - one)
        return np.asarray(np.outer(sds, sds) * among, dtype=np.float64)

    def _sd(self, name: str, fitted: float, times: Range, rng: np.random.Generator) -> float:
        said = self.panels.sd.get(name)
        return float(rng.uniform(*said)) if said else float(fitted) * float(rng.uniform(*times))


def _like_before(values: Floats, seen: pd.Series, decimals: int | None, floor: float = 0.5) -> Floats | Integers:
    """Return values as their column had them: its decimals, whole numbers, and not negative if it never was.

    What would be too small becomes ``floor`` times the smallest value seen.
    """
    decimals = _decimals(seen) if decimals is None else decimals
    smallest = float(seen.min())
    if smallest >= 0.0:
        values = np.maximum(values, floor * smallest)
    values = values.round(decimals)
    return values.astype(np.int64) if pd.api.types.is_integer_dtype(seen) and decimals <= 0 else values


def _there_is(names: Sequence[str] | Mapping[str, object]) -> str:
    return f"there is {', '.join(map(repr, names)) or 'none'}"


def _sd_name(group: str, effect: str) -> str:
    return group if effect == "Intercept" else f"{group} {effect}"


def _check_response(setting: Setting, model: MixedModel, data: Dataset) -> None:
    """Raise QuestionError unless the response is a column of the table, from which no predictor is computed."""
    response = model.response.strip("`")
    if response not in data.frame or response in setting.derive:
        raise QuestionError(
            f"[panels] simulate: the response of {model.name!r}, {model.response!r}, is not a column of the table, so "
            "that it cannot be drawn; write it into the table as a column of its own, or simulate another model."
        )
    from_response = {response}
    for name, text in setting.derive.items():
        if from_response & set(names_in(text)):
            from_response.add(name)
    used = predictors_in(model)
    for name in from_response:
        if name in used:
            raise QuestionError(
                f"[panels] simulate: {name!r}, a predictor of {model.name!r}, is computed from the response; write it "
                "into the table as a column of its own, or simulate another model."
            )


def _outermost(setting: Setting, panels: Panels, model: MixedModel, frame: pd.DataFrame) -> str:
    """Return the grouping factor that is resampled: one that lies in no other of the model's."""
    columns = list(dict.fromkeys(name for group in model.groups for name in group))
    below = {name for group in model.groups for name in group[1:]}
    outer = [
        name
        for name in columns
        if name not in below
        and not any(
            other != name and _lies_in(frame, name, other) and not _lies_in(frame, other, name) for other in columns
        )
    ]
    for name, (low, high) in panels.groups.items():
        if name not in outer or len(panels.groups) > 1:
            raise QuestionError(f"[panels] groups: give the number of groups of one column; {_there_is(outer)}.")
        if not 2 <= low <= high:
            raise QuestionError(
                f"[panels] groups: {name!r} is from {low} to {high}; give 2 or more, the smaller number first."
            )
    return next(iter(panels.groups), outer[0])


def _lies_in(frame: pd.DataFrame, inner: str, outer: str) -> bool:
    """Return whether the rows of each group of one column are in one group of another."""
    return bool((frame.groupby(inner)[outer].nunique() <= 1).all())


def _decimals(numbers: pd.Series) -> int:
    """Return how many decimals the numbers of a column have."""
    exponents = (Decimal(repr(float(one))).normalize().as_tuple().exponent for one in numbers)
    return max([0, *(-one for one in exponents if isinstance(one, int))])
