"""A release as a page on which learners work in their browser, with Python and nothing installed."""
