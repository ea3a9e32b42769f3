"""Training log oddities: not written yet."""


def of_run(part):
    return []


def of_source(part):
    return []
