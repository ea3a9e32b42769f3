"""What is particular to forecasts of many steps: their metrics, seasons, calibration, and verdicts by horizon."""
