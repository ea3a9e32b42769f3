"""Metrics, intervals, paired tests, baselines, verdicts: arrays in, numbers out; see docs/evaluation.md."""
