"""From files to batches: data sets, texts and vocabularies, series and windows, splits, scalers. Knows no torch."""
