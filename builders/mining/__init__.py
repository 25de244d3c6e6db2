"""Which ranked documents become positives and negatives."""
