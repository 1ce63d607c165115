"""A fit as plain data, for programs that read JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

from reference.estimates import Estimates, FittedTerm
from reference.inference.satterthwaite import coefficient_tests
from reference.inference.variance import SHARES, variance_components, variance_shares

Plain: TypeAlias = "bool | int | float | str | list[Plain] | dict[str, Plain] | None"

_CERTIFICATE = ("criterion", "gradient", "decrement", "curvature", "on_boundary", "faces", "starts", "agreeing")


def fit_record(fit: Estimates) -> dict[str, Plain]:
    """Return the numbers of a fit as ``mlm fit --json`` prints them; the README says what each name holds.

    Numbers are at full precision and in the units of the data; one that is not defined, such as a correlation with a
    variance of zero, is None. So are the shares where X has no intercept and the rows were not kept.
    """
    rows, lost = coefficient_tests(fit), fit.design.left_out
    return {
        "formula": fit.model.formula,
        "reml": fit.reml,
        "n_observations": fit.design.n_observations,
        "left_out": lost and {"rows": lost.rows, "of": lost.of, "by_column": dict(lost.by_column)},
        "notes": list(fit.design.notes),
        "groups": {term.group: len(term.levels) for term in fit.terms},
        "criterion": fit.criterion,
        "log_likelihood": fit.log_likelihood,
        "aic": fit.aic,
        "bic": fit.bic,
        "fixed": {row.name: row.estimate for row in rows},
        "se": {row.name: row.standard_error for row in rows},
        "df": {row.name: row.df for row in rows},
        "t": {row.name: row.t for row in rows},
        "p": {row.name: row.p for row in rows},
        "varcorr": _varcorr(fit),
        "sigma": fit.sigma,
        "shares": _shares(fit),
        "theta": fit.theta.tolist(),
        "ranef": {term.name: _modes(term) for term in fit.terms},
        "singular": fit.singular,
        "certificate": _named(fit.certificate, _CERTIFICATE) | {"faces": list(fit.certificate.faces)},
    }


def _named(record: object, names: Sequence[str]) -> dict[str, Plain]:
    return {name: getattr(record, name) for name in names}


def _varcorr(fit: Estimates) -> list[Plain]:
    return [
        {
            "term": line.group,
            "first": line.first or None,
            "second": line.second or None,
            "value": line.value,
            "sd_or_correlation": None if math.isnan(line.sd_or_correlation) else line.sd_or_correlation,
        }
        for line in variance_components(fit)
    ]


def _shares(fit: Estimates) -> Plain:
    if fit.design.table is None and not fit.design.encoding.fixed.has_intercept:
        return None
    return _named(variance_shares(fit), SHARES)


def _modes(term: FittedTerm) -> list[Plain]:
    return [
        {"level": level, "modes": dict(zip(term.effects, modes, strict=True))}
        for level, modes in zip(term.levels, term.modes.tolist(), strict=True)
    ]
