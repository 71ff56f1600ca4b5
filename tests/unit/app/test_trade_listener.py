from agenttrader.app.trade_listener import TradeListener


def told(listener: TradeListener) -> list[bytes | None]:
    return [listener.queue.get_nowait() for _ in range(listener.queue.qsize())]


def test_it_hears_of_what_is_offered_and_is_told_so() -> None:
    listener = TradeListener()
    listener.listen(("trade_updates", "account_updates"), ("trade_updates", "watermarks"))
    assert listener.streams == {"trade_updates"}
    assert told(listener) == [b'{"stream":"listening","data":{"streams":["trade_updates"]}}']


def test_who_says_who_it_is_anew_listens_to_nothing() -> None:
    listener = TradeListener()
    listener.enter(lambda: "a")
    listener.listen(("trade_updates",), ("trade_updates",))
    listener.enter(lambda: None)
    assert (listener.owner, listener.streams) == (None, frozenset())


def test_it_is_known_for_as_long_as_what_it_said_makes_it_its_owner() -> None:
    owners: list[str | None] = ["a"]
    listener = TradeListener()
    assert listener.is_known
    listener.enter(lambda: owners[-1])
    assert listener.is_known
    for other in (None, "b"):
        owners.append(other)
        assert not listener.is_known


def test_one_that_does_not_keep_up_is_ended_after_what_waits() -> None:
    listener = TradeListener(queue_max=2)
    for message in (b"1", b"2", b"3", b"4"):
        listener.tell(message)
    listener.end()
    assert listener.has_ended
    assert told(listener) == [b"1", b"2", None]
