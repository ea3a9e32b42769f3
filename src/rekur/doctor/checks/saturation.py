"""Forget gate, initial scale, saturation: not written yet."""


def of_model(part):
    return []
