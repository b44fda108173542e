"""How much of everything one broker takes: connections, partitions, groups, bytes, a day; and that a request costs the same.

`python -m bench.scale [--parts connections,partitions,...]` measures, writes `bench/results/scale.json` part by part and, from
it, `docs/reference/scale.md`. The rule of the package: costs are CPU time of the broker's process and memory is the memory
of that process, so neither a slow client nor a busy machine is in any figure.
"""
