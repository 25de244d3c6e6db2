"""Question sets over passages and published sets, as stages of a build."""
