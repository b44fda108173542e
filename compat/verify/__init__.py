"""`neuraxis verify`, the history checker that ships: without faults, and under SIGKILL, SIGSTOP and connection resets."""
