"""How rows are read from JSON lines, CSV and Parquet files and from datasets on the Hub."""
