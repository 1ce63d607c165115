"""From a table and a formula to an assignment: what to ask of it, working notebooks, and sample submissions."""
