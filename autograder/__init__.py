"""The autograder: it runs what learners hand in in a box, and scores the answers outside, on data they never saw."""
