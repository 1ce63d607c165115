"""The models of an assignment fitted to one table: each is fitted once, whoever asks for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pandas as pd

import reference as engine
from reference import FittedTerm, MixedFit, MixedModel, OlsFit
from reference.data.formula import RandomTerm
from reference.questions.answers import Answer
from reference.questions.dataset import Dataset, by_line
from reference.questions.expressions import derived
from reference.questions.setting import Items, QuestionError, Setting

#: The level of the rows themselves, whose variance is the residual one.
RESIDUAL = "residual"
#: Where predictors are centred if not at the means of groups.
GRAND = "grand"

_ROUNDING = 1e-9


def _unanswered(item: str) -> Answer:
    raise QuestionError(f"item {item!r} is not answered yet.")


class Fits:
    """What the questions of an assignment are answered from.

    Parameters
    ----------
    data : Dataset
        The table.
    setting : Setting
        What the assignment says of it.
    items : Items
        Everything that is asked.
    answer : function of (item)
        The answers to other items on this table; an answer key sets it.

    Attributes
    ----------
    frame : pandas.DataFrame
        The table with its derived columns.
    """

    def __init__(
        self, data: Dataset, setting: Setting, items: Items, answer: Callable[[str], Answer] = _unanswered
    ) -> None:
        """Compute the derived columns; models are fitted when they are asked for."""
        self.data, self.setting, self.items, self.answer = data, setting, items, answer
        self.frame = derived(data.frame, setting.derive)
        self._mixed: dict[tuple[str, bool, tuple[str, ...], str], MixedFit] = {}
        self._ols: dict[str, OlsFit] = {}

    def model(self, name: str) -> MixedModel:
        """Return a model by the name that the assignment gives it."""
        if name not in self.setting.models:
            raise QuestionError(f"there is no model {name!r}; there is {', '.join(self.setting.models) or 'none'}.")
        return engine.parse_formula(self.setting.models[name], name=name)

    def mixed(
        self, model: str | MixedModel, *, reml: bool = True, centre: Sequence[str] = (), at: str = GRAND
    ) -> MixedFit:
        """Return the fit of a model, with some columns centred at their grand means or at those of a group's rows."""
        model = self.model(model) if isinstance(model, str) else model
        key = (model.formula, reml, tuple(centre), at)
        if key not in self._mixed:
            self._mixed[key] = engine.fit_mixed(by_line(self.centred(centre, at)), model, reml=reml, missing="raise")
        return self._mixed[key]

    def ols(self, model: str | MixedModel) -> OlsFit:
        """Return the pooled regression of a model's fixed part."""
        model = self.model(model) if isinstance(model, str) else model
        key = f"{model.response} ~ {model.fixed}"
        if key not in self._ols:
            self._ols[key] = engine.fit_ols(by_line(self.frame), model)
        return self._ols[key]

    def response(self, model: str) -> pd.Series:
        """Return the response of each row as a model has it, (n,): a column, or what a formula makes of one."""
        return pd.Series(self.mixed(model).design.matrices.response, index=self.frame.index)

    def centred(self, columns: Sequence[str], at: str = GRAND) -> pd.DataFrame:
        """Return the table with columns centred at their grand means, or at those of each group of a column."""
        if not columns:
            return self.frame
        if at == GRAND:
            return engine.grand_mean_centre(self.frame, list(columns)).frame
        return engine.group_mean_centre(self.frame, list(columns), at).frame

    def centred_fit(self, model: str, centre: Sequence[str], at: str) -> MixedFit | None:
        """Return the REML fit with columns centred; None where there is none, so that nobody could make the mistake.

        A column that is the same in all rows of a group becomes zero, or rounding, when it is centred at their means.
        """
        columns = list(centre)
        try:
            left = self.centred(columns, at)[columns].std() / self.frame[columns].std()
            return None if left.min() < _ROUNDING else self.mixed(model, centre=centre, at=at)
        except engine.DesignError:
            return None

    def centred_otherwise(self, model: str, centre: Sequence[str], at: str) -> dict[str, MixedFit]:
        """Return the REML fit with columns centred at the other means, by the mistake's name, where there is one."""
        name, other = ("group_mean", self.levels(model)[-1]) if at == GRAND else ("grand_mean", GRAND)
        fit = self.centred_fit(model, centre, other)
        return {name: fit} if fit else {}

    def null(self, model: str) -> MixedModel:
        """Return a model without its predictors: the same groups, whose levels alone vary."""
        whole = self.model(model)
        terms = tuple(dict.fromkeys(RandomTerm("1", term.group) for term in whole.terms))
        return replace(whole, fixed="1", terms=terms, name=f"{model}, null")

    def only(self, model: str, levels: Sequence[str]) -> MixedModel:
        """Return a model with the random terms of some levels alone, each as if the others were not known."""
        whole = self.model(model)
        kept = [replace(term, group=(term.group[-1],)) for term in whole.terms if term.group[-1] in levels]
        return replace(whole, terms=tuple(dict.fromkeys(kept)), name=f"{model}, {' and '.join(levels)} alone")

    def only_fit(self, model: str, levels: Sequence[str]) -> MixedFit | None:
        """Return the REML fit with some levels alone; None where there is none, so that nobody could make the mistake."""
        try:
            return self.mixed(self.only(model, levels))
        except engine.DesignError:
            return None

    def levels(self, model: str) -> tuple[str, ...]:
        """Return the levels of a model by the last column that names their groups, in the order of the formula."""
        return tuple(dict.fromkeys(term.group[-1] for term in self.model(model).terms))

    def term(self, fit: MixedFit, level: str, effect: str = "Intercept") -> FittedTerm:
        """Return the random term of a level in which an effect varies.

        Raises
        ------
        QuestionError
            If there is none.
        """
        has: list[str] = []
        for term, model in zip(fit.terms, fit.model.terms, strict=True):
            if model.group[-1] == level and effect in term.effects:
                return term
            has += [f"{one} by {model.group[-1]}" for one in term.effects]
        raise QuestionError(
            f"in the model {fit.model.name!r} no {effect} varies by {level!r}; there is {', '.join(has)}."
        )

    def variance(self, fit: MixedFit, level: str, effect: str = "Intercept") -> float:
        """Return the variance of an effect between the groups of a level, or of the residual."""
        if level == RESIDUAL:
            return fit.sigma**2
        term = self.term(fit, level, effect)
        place = term.effects.index(effect)
        return float(term.covariance[place, place])
