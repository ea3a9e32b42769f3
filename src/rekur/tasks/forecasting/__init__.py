"""What the task `forecast` is made of: settings, sets, parts, windows, rivals, proof, what comes."""
