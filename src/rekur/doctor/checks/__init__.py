"""The checks, a file each: `of_<part>(part)` yields the findings of one part of a patient."""
