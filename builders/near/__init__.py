"""Near-duplicate texts and near-identical images: found, joined, explained."""
