"""What the checks of data look for in tables; `read` makes them from files."""
