"""The bundled sample: prose, drawings, and the pages made of them (CC0)."""
