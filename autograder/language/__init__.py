"""The words of every learner's sentence, and the languages there are."""
