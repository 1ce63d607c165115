"""What users of lme4 and statsmodels look for in a fit, and what to write here instead."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from reference.errors import DesignError

# What others offer as an attribute or a method of a fit.
_NAMES = {
    "fixef|coef|beta|fe_params|fixed": "params",
    "ranef|blups": "random_effects",
    "VarCorr|varcorr|cov_re|vcomp": "variance_components(fit) or variance_table(fit)",
    "random_effects_cov|condVar": "conditional_covariances(fit)",
    "vcov|normalized_cov_params": "cov_params()",
    "bse_fe|se": "bse",
    "scale": "sigma, the square root of it",
    "zvalues": "tvalues",
    "confint": "conf_int()",
    "profile|profile_re": "conf_int(method='profile')",
    "logLik|loglik|loglike": "llf",
    "deviance|REMLcrit": "criterion",
    "AIC": "aic",
    "BIC": "bic",
    "isSingular|is_singular": "singular",
    "rePCA": "certificate.faces",
    "anova|compare|llr|lrtest": "compare_nested(smaller, larger) of two fits, or term_tests(fit) of one",
    "drop1|wald_test|wald_test_terms|f_test": "term_tests(fit)",
    "t_test": "coefficient_tests(fit)",
    "update|step|refit|fit": "a new fit: fit(formula, frame)",
    "simulate|bootstrap|bootMer": "bootstrap_test(smaller, larger) or bootstrap_shares(fit)",
    "icc|ICC|r2|rsquared|R2": "variance_shares(fit)",
    "get_prediction": "predict_intervals(fit, frame)",
    "residuals_scaled|wresid|resid_pearson": "scaled_residuals",
    "plot|plot_diagnostics": "save_residual_plots(fit, 'residuals.png')",
    "formula|call": "model.formula",
    "ngrps|n_groups": "terms, each of which has levels",
    "df_resid|df_residual": "nobs and n_parameters",
    "getME|data|frame": "design, which holds matrices and table",
    "save": "pickle.dumps(fit)",
}
_NAMED = {name: here for names, here in _NAMES.items() for name in names.split("|")}

# What others take as an option of a fit, and of a prediction.
FIT_OPTIONS = {
    "na_action": "write missing='drop', which is how it is done without it, or missing='raise'",
    "subset": "take the rows out of the frame first, such as frame[frame['x'] > 0]",
    "offset": "an offset is part of the formula here, such as 'y ~ x + offset(z) + (1 | group)'",
    **dict.fromkeys(("groups", "random"), "groups are part of the formula here, such as 'y ~ x + (1 | group)'"),
    **dict.fromkeys(
        ("re_formula", "exog_re"), "random slopes are part of the formula here, such as 'y ~ x + (1 + x | group)'"
    ),
    "vc_formula": "variance components are random terms here, such as 'y ~ x + (1 | group) + (1 | group:room)'",
    "family": "responses are normal here",
    "contrasts": "contrasts are part of the formula here, such as C(x, contr.sum)",
    **dict.fromkeys(("ml", "ML", "method"), "write reml=False for maximum likelihood; there is one optimiser"),
    **dict.fromkeys(
        ("control", "optimizer", "start", "start_params", "maxiter", "verbose", "full_output"),
        "there is one optimiser, whose result is certified; leave it out",
    ),
}
INTERVAL_OPTIONS = {"level": "write alpha, one less the level", "parm": "take a row of what it returns"}
SUMMARY_OPTIONS = {
    "ddf": "write kenward_roger=True, or nothing for Satterthwaite",
    "alpha": "conf_int(alpha) has intervals",
    "correlation": "leave it out, a wide table of correlations is cut",
}
PREDICT_OPTIONS = {
    **dict.fromkeys(
        ("re_form", "allow_new_levels", "reform", "re_formula"),
        "write groups=False for an average group, as re.form=NA does; predict_intervals takes rows of new groups too",
    ),
    **dict.fromkeys(("newdata", "exog", "data"), "give the table first: predict(frame)"),
    **dict.fromkeys(("se_fit", "interval", "level"), "predict_intervals(fit, frame) has standard errors and intervals"),
}


def missing_name(name: str) -> str:
    """Return what to say of an attribute that a fit has not."""
    here = f"; here it is {_NAMED[name]}" if name in _NAMED else ""
    return f"a fit has no {name!r}{here}"


def refuse_options(function: str, options: Collection[str], known: Mapping[str, str]) -> None:
    """Refuse options that a function does not take, with what to do instead of one that others know.

    Raises
    ------
    DesignError
        If one is known elsewhere.
    TypeError
        If none is.
    """
    for name in options:
        if name in known:
            raise DesignError(f"{function} takes no {name!r}: {known[name]}.")
        raise TypeError(f"{function}() got an unexpected keyword argument {name!r}")
