"""The kinds of the task `sequences`: a class or a number, of numbers or of a text."""
