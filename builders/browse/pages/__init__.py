"""What each page of the browser shows."""
