"""What the checks of a model probe it with; `subject` is where to begin."""
