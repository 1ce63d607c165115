"""The errors this package raises.

::

    MultilevelError
    ├── TableError              a table cannot be read
    ├── DesignError             the model and the data do not fit together
    │   ├── FormulaError        a formula or a term of it is not understood
    │   └── SaturationError     as many random effects as observations
    ├── ConvergenceError        a fit that cannot be certified to be the optimum
    └── ComparisonError         two fits that a likelihood-ratio test cannot compare

Every message says what was wrong and what to do next.
"""


class MultilevelError(Exception):
    """The root: catch this to catch every error of the package."""


class TableError(MultilevelError, ValueError):
    """A table cannot be read; the message names the file, or the column and the row."""


class DesignError(MultilevelError, ValueError):
    """The model cannot be estimated from these data."""


class SaturationError(DesignError):
    """There are as many random effects as observations, so the residual variance would run to zero."""


class FormulaError(DesignError):
    """A formula, or the term the message names, is not understood."""


class ConvergenceError(MultilevelError, RuntimeError):
    """A fit has no certificate: the optimiser stopped at a point that is not an optimum."""


class ComparisonError(MultilevelError, ValueError):
    """The two fits cannot be compared by a likelihood-ratio test."""
