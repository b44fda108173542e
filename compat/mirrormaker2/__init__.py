"""MirrorMaker 2 from one broker to another: records, topic configs, offsets of groups; killed and restarted."""
