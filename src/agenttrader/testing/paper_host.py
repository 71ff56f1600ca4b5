"""A double that says over TLS that it is Alpaca's host, on loopback, before a server that speaks plainly.

So the safeguards are met as they are: the address is Alpaca's, the port 443, the certificate the host's. Only
where the name is found, and who is trusted to sign for it, are other than on the internet, and that only in a
process that puts `UnsafeConnector` in the place of aiohttp's own: nothing in the product does, and no
configuration can.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import aiohttp
import aiohttp.client
from aiohttp.abc import AbstractResolver, ResolveResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from agenttrader.adapters.clocks import WallClock
from agenttrader.model.times import to_datetime

PAPER, DATA = "paper-api.alpaca.markets", "stream.data.alpaca.markets"
HTTPS_PORT = 443
_CHUNK_BYTES = 65_536


class Loopback(AbstractResolver):
    """Finds each host at a port of this machine; a host that it was not told of is not found."""

    def __init__(self, ports: dict[str, int]) -> None:
        self._ports = ports

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """See aiohttp."""
        assert port == HTTPS_PORT, f"expected nobody to ask for another port, found {host}:{port}"
        if host not in self._ports:
            raise OSError(f"{host}: nobody but {', '.join(self._ports)} is on this loopback")
        found = self._ports[host]
        return [ResolveResult(hostname=host, host="127.0.0.1", port=found, family=family, proto=0, flags=0)]

    async def close(self) -> None:
        """It holds nothing."""


class UnsafeConnector(aiohttp.TCPConnector):
    """aiohttp's own, which finds Alpaca's hosts on loopback and trusts whom the test made."""

    ports: ClassVar[dict[str, int]] = {}
    trusted: ClassVar[Path]

    def __init__(self, **options: Any) -> None:
        known = ssl.create_default_context(cafile=str(self.trusted))
        super().__init__(**options, resolver=Loopback(self.ports), ssl=known)


def put_on(ports: dict[str, int], trusted: Path) -> None:
    """From now on this whole process finds those hosts there. There is no way back: end the process."""
    UnsafeConnector.ports, UnsafeConnector.trusted = ports, trusted
    aiohttp.TCPConnector = aiohttp.client.TCPConnector = UnsafeConnector  # type: ignore[misc]


@asynccontextmanager
async def hosting(folder: Path, host: str, target: Callable[[], tuple[str, int]]) -> AsyncIterator[int]:
    """The port of a double of `host` that hands on to `target`; its certificate is `folder`'s HOST.pem."""
    file = folder / f"{host}.pem"
    file.write_bytes(certificate(host))
    served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    served.load_cert_chain(file)
    under_way: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(_carry(reader, writer, target))
        under_way.add(task)
        task.add_done_callback(under_way.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=served)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(under_way):
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


async def _carry(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: Callable[[], tuple[str, int]]
) -> None:
    upstream: asyncio.StreamWriter | None = None
    try:
        answers, upstream = await asyncio.open_connection(*target())
        async with asyncio.TaskGroup() as group:
            back = group.create_task(_copy(answers, writer))
            await _copy(reader, upstream)
            back.cancel()
    except* OSError:
        pass  # one of the two has gone, and so has the connection
    finally:
        writer.transport.abort()
        if upstream is not None:
            upstream.transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(_CHUNK_BYTES):
        writer.write(chunk)
        await writer.drain()
    with suppress(OSError, RuntimeError):
        writer.close()


def certificate(host: str) -> bytes:
    """A key and the certificate for `host` that it signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    now = to_datetime(WallClock().now())
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ) + made.public_bytes(serialization.Encoding.PEM)
