"""How a dataset is pushed to the Hugging Face Hub."""
