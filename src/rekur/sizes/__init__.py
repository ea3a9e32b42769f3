"""The sizes of the larger parts of a model, and the weights that follow from them; `rekur.architecture` joins them."""
