"""An assignment: its rubric, its release, its samples, and its key, the one door to the reference."""
