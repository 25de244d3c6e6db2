"""The site: pages written by hand, pages out of the code, and zensical's build of both."""
