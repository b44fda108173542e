"""Operating a cluster: what keeps it whole and says how it is."""
