"""``python -m rekur.cli``, where the script ``rekur`` is not on the path."""

import sys

from rekur.cli import main

sys.exit(main())
