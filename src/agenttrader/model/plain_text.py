"""Text from outside that can be written everywhere: as JSON, to a terminal, over HTTP."""


def plain(text: str) -> str:
    """The text with what UTF-8 cannot hold (bytes of a command line that are none) as backslash escapes."""
    return text.encode("utf-8", "backslashreplace").decode()


def harmless(text: str) -> str:
    """The text without what moves a cursor: reasons come from agents, and could draw other lines."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
