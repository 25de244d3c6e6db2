"""What each stage of a build does: one module per stage."""
