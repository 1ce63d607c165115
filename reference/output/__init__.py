"""A fit as text, as sentences, and as JSON."""
