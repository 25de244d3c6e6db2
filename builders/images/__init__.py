"""Stage ``images``: references become stored images; what is dead or common goes."""
