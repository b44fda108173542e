"""`python -m examples.connected_car`: the demo."""

import sys

from examples.connected_car.run import main

if __name__ == "__main__":  # the members are spawned, and a spawned process imports this module again
    sys.exit(main())
