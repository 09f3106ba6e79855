"""`python -m kinema`, and so `torchrun -m kinema`: the command line."""

import sys

from kinema.cli import main

sys.exit(main())
