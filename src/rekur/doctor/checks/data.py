"""Plain data: not written yet."""


def of_tables(part):
    return []
