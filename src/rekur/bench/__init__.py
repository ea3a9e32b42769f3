"""Speed beside torch, on this machine: all forms of one piece of work take turns in one process."""
