"""Recurrent layers: drop-in for torch.nn's, with `lengths=`, readouts, and the care a CPU needs."""

from rekur.nn.gru import GRU, GRUCell
from rekur.nn.lstm import LSTM, LSTMCell
from rekur.nn.rnn import RNN, RNNCell

__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "RNNCell"]
