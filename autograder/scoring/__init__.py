"""From answers and keys to results of items, and what a learner is told of them."""
