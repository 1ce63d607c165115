"""From a model and a table to what the likelihood needs, in units in which nothing is badly scaled."""
