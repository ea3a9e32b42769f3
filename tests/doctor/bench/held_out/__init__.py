"""A second bench: code in the styles of tutorials and courses, written without sight of the checks."""
