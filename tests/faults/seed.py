"""The seed of all dice of a run. It is written back, so that tests that run side by side throw the same ones."""

import os
import time

SEED = int(os.environ.setdefault("FAULT_SEED", str(int(time.time()))))
