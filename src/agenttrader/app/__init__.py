"""What the program does, one use case a module; its configuration; the wiring that knows every class."""
