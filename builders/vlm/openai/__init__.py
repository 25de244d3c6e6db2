"""How a server with an OpenAI-compatible API is asked."""
