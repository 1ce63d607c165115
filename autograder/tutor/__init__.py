"""Answers to who works on a notebook: cards, progress, and the folder of who studies alone."""
