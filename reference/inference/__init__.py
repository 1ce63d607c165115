"""What follows from a fit: tests, intervals, shares of variance, rankings, predictions."""
