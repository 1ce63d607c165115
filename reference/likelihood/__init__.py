"""The criterion of a linear mixed model as a function of its relative covariance factor."""
