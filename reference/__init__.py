"""Linear mixed models fitted to the last digit: fits, tests, intervals, rankings, summaries."""

from reference.data.centring import grand_mean_centre, group_mean_centre, group_means
from reference.data.formula import MixedModel, RandomTerm, parse_formula
from reference.errors import (
    ComparisonError,
    ConvergenceError,
    DesignError,
    FormulaError,
    MultilevelError,
    SaturationError,
    TableError,
)
from reference.estimates import Certificate, Estimates, FittedTerm
from reference.fit import MixedFit, criterion_at, fit, fit_mixed
from reference.inference.bootstrap import BootstrapTest, bootstrap_test
from reference.inference.comparison import LikelihoodRatio, compare_nested, deficit_at
from reference.inference.diagnostics import (
    Reading,
    read_collinearity,
    read_convergence,
    read_icc,
    read_parsimony,
    read_singularity,
    read_variances,
)
from reference.inference.group_uncertainty import GroupSlope, conditional_covariances, probability_top, slope_intervals
from reference.inference.intervals import Interval, profile_intervals, variance_standard_errors, wald_intervals
from reference.inference.kenward_roger import KenwardRoger, kenward_roger, kenward_roger_tests
from reference.inference.ols import OlsFit, fit_ols
from reference.inference.prediction import (
    NewGroupPrediction,
    predict_conditional,
    predict_new_groups,
    predict_population,
)
from reference.inference.ranking import RankedGroup, group_slopes, rank_groups, top_groups
from reference.inference.satterthwaite import Coefficient, coefficient_tests, satterthwaite_df, standard_errors
from reference.inference.statsmodels_fits import fit_statsmodels
from reference.inference.variance import VarianceComponent, VarianceShares, variance_components, variance_shares
from reference.output.as_json import fit_record
from reference.output.frames import coefficient_table, interval_table, variance_table
from reference.output.sentences import (
    interpret_comparison,
    interpret_fixed_effects,
    interpret_random_effects,
    interpret_ranking,
    interpret_shares,
)
from reference.output.summary import render_anova, render_bootstrap, render_summary, render_variance_components

__all__ = [
    "BootstrapTest",
    "Certificate",
    "Coefficient",
    "ComparisonError",
    "ConvergenceError",
    "DesignError",
    "Estimates",
    "FittedTerm",
    "FormulaError",
    "GroupSlope",
    "Interval",
    "KenwardRoger",
    "LikelihoodRatio",
    "MixedFit",
    "MixedModel",
    "MultilevelError",
    "NewGroupPrediction",
    "OlsFit",
    "RandomTerm",
    "RankedGroup",
    "Reading",
    "SaturationError",
    "TableError",
    "VarianceComponent",
    "VarianceShares",
    "bootstrap_test",
    "coefficient_table",
    "coefficient_tests",
    "compare_nested",
    "conditional_covariances",
    "criterion_at",
    "deficit_at",
    "fit",
    "fit_mixed",
    "fit_ols",
    "fit_record",
    "fit_statsmodels",
    "grand_mean_centre",
    "group_mean_centre",
    "group_means",
    "group_slopes",
    "interpret_comparison",
    "interpret_fixed_effects",
    "interpret_random_effects",
    "interpret_ranking",
    "interpret_shares",
    "interval_table",
    "kenward_roger",
    "kenward_roger_tests",
    "parse_formula",
    "predict_conditional",
    "predict_new_groups",
    "predict_population",
    "probability_top",
    "profile_intervals",
    "rank_groups",
    "read_collinearity",
    "read_convergence",
    "read_icc",
    "read_parsimony",
    "read_singularity",
    "read_variances",
    "render_anova",
    "render_bootstrap",
    "render_summary",
    "render_variance_components",
    "satterthwaite_df",
    "slope_intervals",
    "standard_errors",
    "top_groups",
    "variance_components",
    "variance_shares",
    "variance_standard_errors",
    "variance_table",
    "wald_intervals",
]
