"""The cheap rivals every model is measured against: one file a kind of data, functions on plain arrays."""
