"""What ``gpu_nyx.py`` measures, in modules by subject."""
