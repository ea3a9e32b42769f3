"""Recurrent layers: drop-in for torch.nn's, with `lengths=`, readouts, and the care a CPU needs."""

from rekur.nn.gru import GRU, GRUCell
from rekur.nn.lstm import LSTM, LSTMCell
from rekur.nn.rnn import RNN, RNNCell

# by the name a recipe gives a cell; models, `rekur check` and the laws read these
LAYERS = {"rnn": RNN, "gru": GRU, "lstm": LSTM}
CELLS = {"rnn": RNNCell, "gru": GRUCell, "lstm": LSTMCell}

__all__ = ["CELLS", "GRU", "LAYERS", "LSTM", "RNN", "GRUCell", "LSTMCell", "RNNCell"]
