"""Text from outside that can be written everywhere: as JSON, to a terminal, over HTTP."""


def plain(text: str) -> str:
    """The text with what UTF-8 cannot hold (bytes of a command line that are none) as backslash escapes."""
    return text.encode("utf-8", "backslashreplace").decode()
