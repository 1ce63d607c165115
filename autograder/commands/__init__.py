"""What the commands of `mlm` do."""
