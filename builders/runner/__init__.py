"""How the build command plans, runs and resumes a build and writes its manifest."""
