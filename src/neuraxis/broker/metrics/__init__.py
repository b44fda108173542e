"""What the broker counts of itself: counters as plain slots, the table of metrics, and their two ways out."""
