"""Ray core: the shards of a step in the worker processes of a cluster."""
