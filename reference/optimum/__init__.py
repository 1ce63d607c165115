"""The lowest point of the criterion: where to start, how to descend, and the certificate."""
