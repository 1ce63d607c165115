"""From what was handed in to grades: reading, running, scoring and filing a class."""
