"""A source of one kind each (a class, a vector, an image), and what all of them share."""
