"""Recurrent networks in plain NumPy float64, forward and backward by hand: oracle, and room to learn in.

Read `rnn`, then `gru` and `lstm` (what one step does, and its chain rule), `loop` (back-propagation through
time), `stack` (layers and directions), `losses`, `gradcheck` (is a hand-written backward right?) and
`network` (a whole sentiment classifier from scratch).
"""

from rekur.reference.gru import GRU
from rekur.reference.lstm import LSTM
from rekur.reference.rnn import RNN

LAYERS = {"rnn": RNN, "gru": GRU, "lstm": LSTM}  # by the name a recipe gives a cell

__all__ = ["GRU", "LAYERS", "LSTM", "RNN"]
