"""The vocabulary of grading: plain values, records of runs and grades, signs of verdicts, files written whole."""
