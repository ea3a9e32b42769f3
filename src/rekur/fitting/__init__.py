"""From a file of your own to a trained model: what the file is, which model suits it, and the plan.

A fitted file is a recipe made from the file, which is then run as any other (`rekur.training.experiment`).
"""
