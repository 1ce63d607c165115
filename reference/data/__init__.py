"""Tables as a model reads them: formulas, columns, groups, and what they become for a model."""
