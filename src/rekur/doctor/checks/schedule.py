"""Learning rate and schedule that do nothing: not written yet."""


def of_source(part):
    return []


def of_run(part):
    return []


def of_model(part):
    return []
