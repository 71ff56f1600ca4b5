"""The sentinel: it watches the gateway from outside, with a key that can only cancel and close."""

from agenttrader.adapters.announcements import Announcements
from agenttrader.roles.process import Arguments, run, serve


def main(words: list[str]) -> int:
    """Watch until told to stop; the exit code."""
    return run("sentinel", words, _assemble)


async def _assemble(arguments: Arguments) -> int:
    from agenttrader.api.probes import nothing_else
    from agenttrader.app.sentinel.wiring import wire_sentinel

    parts = wire_sentinel(arguments.config)
    return await serve(
        "sentinel",
        nothing_else,
        parts.listen,
        Announcements(parts.settings.announcements()),
        background=(parts.sentinel.watch,),
    )
