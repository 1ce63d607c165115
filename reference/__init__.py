"""The applied tutorial on multilevel models as a library: fits, tests, rankings, and the answer key."""

from reference.answers import AnswerKey, practice_key
from reference.assignments import ASSIGNMENTS, Assignment
from reference.bootstrap import BootstrapTest, bootstrap_test
from reference.centering import grand_mean_centre, group_mean_centre, group_means
from reference.comparison import LikelihoodRatio, compare_nested
from reference.datasets import PANEL_FILE, cities_panel, panel_in, tutorial_panel
from reference.design import NULL_MODEL, RANDOM_INTERCEPT, RANDOM_SLOPE
from reference.diagnostics import (
    Reading,
    read_collinearity,
    read_convergence,
    read_icc,
    read_parsimony,
    read_singularity,
    read_variances,
)
from reference.errors import (
    ComparisonError,
    ConvergenceError,
    DesignError,
    FormulaError,
    MultilevelError,
    PanelError,
    SaturationError,
    SimulationError,
)
from reference.extension_answers import extension_key
from reference.extension_simulation import identify_cities, simulate_cities
from reference.formula import MixedModel, RandomTerm, parse_formula
from reference.inference import (
    Coefficient,
    coefficient_table,
    satterthwaite_df,
    standard_errors,
    variance_standard_errors,
)
from reference.interpretation import (
    interpret_comparison,
    interpret_fixed_effects,
    interpret_random_effects,
    interpret_ranking,
    interpret_shares,
)
from reference.intervals import Interval, profile_intervals, wald_intervals
from reference.kenward_roger import KenwardRoger, kenward_roger, kenward_roger_table
from reference.mistakes import Value
from reference.mixed import Certificate, FittedTerm, MixedFit, criterion_at, fit, fit_mixed
from reference.ols import OlsFit, fit_ols
from reference.panel import Panel
from reference.prediction import (
    NewGroupPrediction,
    predict_by_week,
    predict_conditional,
    predict_new_groups,
    predict_population,
)
from reference.ranking import RankedGroup, group_slopes, rank_groups, top_groups
from reference.record import fit_record
from reference.report import render_tutorial
from reference.simulation import Identification, identify, simulate_panel
from reference.steps import Objective, Step, deficit_at
from reference.summary import render_anova, render_bootstrap, render_summary, render_variance_components
from reference.tutorial import Tutorial, run_tutorial
from reference.uncertainty import GroupSlope, conditional_covariances, probability_top, slope_intervals
from reference.variance import VarianceComponent, VarianceShares, variance_components, variance_shares

__all__ = [
    "ASSIGNMENTS",
    "NULL_MODEL",
    "PANEL_FILE",
    "RANDOM_INTERCEPT",
    "RANDOM_SLOPE",
    "AnswerKey",
    "Assignment",
    "BootstrapTest",
    "Certificate",
    "Coefficient",
    "ComparisonError",
    "ConvergenceError",
    "DesignError",
    "FittedTerm",
    "FormulaError",
    "GroupSlope",
    "Identification",
    "Interval",
    "KenwardRoger",
    "LikelihoodRatio",
    "MixedFit",
    "MixedModel",
    "MultilevelError",
    "NewGroupPrediction",
    "Objective",
    "OlsFit",
    "Panel",
    "PanelError",
    "RandomTerm",
    "RankedGroup",
    "Reading",
    "SaturationError",
    "SimulationError",
    "Step",
    "Tutorial",
    "Value",
    "VarianceComponent",
    "VarianceShares",
    "bootstrap_test",
    "cities_panel",
    "coefficient_table",
    "compare_nested",
    "conditional_covariances",
    "criterion_at",
    "deficit_at",
    "extension_key",
    "fit",
    "fit_mixed",
    "fit_ols",
    "fit_record",
    "grand_mean_centre",
    "group_mean_centre",
    "group_means",
    "group_slopes",
    "identify",
    "identify_cities",
    "interpret_comparison",
    "interpret_fixed_effects",
    "interpret_random_effects",
    "interpret_ranking",
    "interpret_shares",
    "kenward_roger",
    "kenward_roger_table",
    "panel_in",
    "parse_formula",
    "practice_key",
    "predict_by_week",
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
    "render_tutorial",
    "render_variance_components",
    "run_tutorial",
    "satterthwaite_df",
    "simulate_cities",
    "simulate_panel",
    "slope_intervals",
    "standard_errors",
    "top_groups",
    "tutorial_panel",
    "variance_components",
    "variance_shares",
    "variance_standard_errors",
    "wald_intervals",
]
