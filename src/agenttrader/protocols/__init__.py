"""Wire formats as pure translation: bodies in, model values out, and back. No input or output here."""
