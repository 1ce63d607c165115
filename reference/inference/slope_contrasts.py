"""Which fixed effects make up the slopes of groups, where a predictor stands in interactions too."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TypeAlias

import numpy as np

from reference.arrays import Floats
from reference.data.encoding import DEPENDENT, Part
from reference.data.formula import INTERCEPT, variables
from reference.errors import DesignError
from reference.estimates import Estimates, FittedTerm

# What a column multiplies, each with how formulaic reads it.
_Factors: TypeAlias = frozenset[tuple[str, str]]


def slope_contrasts(fit: Estimates, predictor: str, term: FittedTerm) -> Floats:
    """Return the weights of the fixed effects in the slope of an average group like each, (J, p); (1, p) if all agree.

    A predictor's interactions with what is constant within each group are part of its slope, at the group's values.

    Raises
    ------
    DesignError
        If the slope is not one number for each group, as the predictor stands in another function as well, or in an
        interaction with what varies within groups; if a factor is coded in another way in the fixed part; or if
        interactions need rows, and the fit kept none.
    """
    fixed, parts = _factors(fit.design.encoding.fixed), zip(fit.terms, fit.design.encoding.random, strict=True)
    random = [_factors(part) for other, part in parts if other.factor == term.factor]
    own = next(columns[predictor] for columns in random if predictor in columns)
    if own and own in fixed.values() and predictor not in fixed:
        alike = ", ".join(name for name, factors in fixed.items() if factors == own)
        raise DesignError(
            f"{predictor!r} varies between groups, and the fixed part has {alike} in its place; write it alike in both "
            "parts, with 0 + in front or without."
        )
    names = _variables(own)

    def meets(factors: _Factors) -> bool:
        # A product's own coefficient is asked for: what it is made of is no matter.
        return factors > own if len(own) > 1 else factors != own and not names.isdisjoint(_variables(factors))

    products = [name for name, factors in fixed.items() if own and meets(factors)]
    found = [name for columns in random for name, factors in columns.items() if own and meets(factors)]
    found += [
        name for name in products if len(own) > 1 or not fixed[name] > own or names & _variables(fixed[name] - own)
    ]
    if found:
        raise _several(fit, predictor, term, found)
    if not products:
        return np.array([[float(name == predictor) for name in fixed]])
    return _growth(fit, predictor, term, products)


def _growth(fit: Estimates, predictor: str, term: FittedTerm, products: Collection[str]) -> Floats:
    """Return by how much the fixed columns of each group's rows grow per unit of the predictor, (J, p).

    Its variables take the values of one row, and then of another that differs in no other column of the same factor.
    """
    design, table = fit.design, fit.design.rows
    part, place = design.encoding.random[fit.terms.index(term)], term.effects.index(predictor)
    columns, effects = _factors(part), part.matrix(table)
    own = columns[predictor]
    others = [k for k, factors in enumerate(columns.values()) if factors == own and k != place]
    high = int(np.abs(effects[:, place]).argmax())
    alike = (effects[:, others] == effects[high, others]).all(axis=1)
    low = int(np.where(alike, np.abs(effects[:, place] - effects[high, place]), -1.0).argmax())
    both = [
        table.assign(**{name: table[name].array.take(np.full(len(table), row)) for name in _variables(own)})
        for row in (high, low)
    ]
    step = np.subtract(*(part.matrix(rows)[:, place] for rows in both))
    if not step.all():
        raise _several(fit, predictor, term, products)
    growth = np.subtract(*(design.encoding.fixed.matrix(rows) for rows in both)) / step[:, None]
    codes = design.matrices.codes[term.factor]
    contrasts: Floats = growth[np.unique(codes, return_index=True)[1]]
    uneven = np.abs(growth - contrasts[codes]).max(axis=0) > DEPENDENT * np.abs(growth).max(axis=0)
    if uneven.any():
        raise _several(fit, predictor, term, np.array(design.fixed_names)[uneven].tolist())
    return contrasts


def _several(fit: Estimates, predictor: str, term: FittedTerm, found: Collection[str]) -> DesignError:
    return DesignError(
        f"the slope of {predictor!r} in the model {fit.model.name!r} is not one number for each group of {term.group}, "
        f"as it depends on {', '.join(dict.fromkeys(found))} too; leave that out, or, for slopes where it stays zero, "
        "make it a column of the table."
    )


def _factors(part: Part) -> Mapping[str, _Factors]:
    """Return what each column of a part multiplies; nothing for the intercept."""
    if part.spec is None:
        return {name: frozenset({(name, "LOOKUP")} - {(INTERCEPT, "LOOKUP")}) for name in part.names}
    found = dict[str, _Factors]()
    for term, columns in part.spec.term_slices.items():
        factors = {(one.expr, one.eval_method.name) for one in term.factors}
        found |= dict.fromkeys(part.spec.column_names[columns], frozenset(factors - {("1", "LITERAL")}))
    return {name: found[name] for name in part.names}


def _variables(factors: _Factors) -> frozenset[str]:
    names = ({text} if method == "LOOKUP" else variables(f"0 + {text}") for text, method in factors)
    return frozenset[str]().union(*names)
