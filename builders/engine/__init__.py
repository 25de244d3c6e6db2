"""Stages over Parquet shards: execution, resume, accounting."""
