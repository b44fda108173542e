"""Stand-in for the package marker that kafka-python's sdist leaves out."""
