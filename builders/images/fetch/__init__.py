"""Fetching images from URLs: bounded, polite, and never to a private address.

One event loop in the driver fetches for all shards, as a step of its own before ``images/store``: so the limits in
flight and per host hold exactly, and a URL is fetched once a run. What it fetched lies in a store of the run, URL by
URL, so that neither a kill nor a changed recipe asks twice; decoding and hashing stay in the worker processes.
"""
