"""What every test shares: how Hypothesis runs."""

import os

from hypothesis import settings

# No deadline: a slow machine is no failure. In CI the examples are the same every time.
settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "default")
