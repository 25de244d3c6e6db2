"""Where the shards of a step are worked on."""
