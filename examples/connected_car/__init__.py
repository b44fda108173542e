"""Recorded drives as a fleet: through a broker that is killed half-way, to trips, harsh driving and a report."""
