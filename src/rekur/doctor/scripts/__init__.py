"""What the checks of a training script read in it, without running it; `sources` is where to begin."""
