from agenttrader.app.broker_sections import Broker, Conformance
from agenttrader.model.authority import Mode
from agenttrader.model.identifiers import AccountName
from agenttrader.protocols.alpaca_surroundings import Surroundings

PAPER = Broker(kind=Surroundings.PAPER, address="https://paper-api.alpaca.markets")
EXAMS = Conformance(reports="conformance", age_days_max=7)
VENUE = Broker(kind=Surroundings.SIMULATED)


def test_the_venue_is_where_it_announces_itself_and_alpaca_where_the_file_says() -> None:
    announced = ["http://127.0.0.1:1"]
    venue, paper = VENUE.where(lambda: announced[-1]), PAPER.where(lambda: announced[-1])
    announced.append("http://127.0.0.1:2")
    assert venue() == "http://127.0.0.1:2"
    assert paper() == PAPER.address


def test_every_fault_is_named_with_its_table() -> None:
    keys = (("credentials.gateway.broker", "AKONE"), ("credentials.kill.broker", "PKTWO"), ("elsewhere", "x"))
    faults = list(PAPER.faults(AccountName("DEMO-1"), keys, Mode.LIVE, EXAMS))
    assert [fault.partition(":")[0] for fault in faults] == [
        "[account] name",
        "[credentials.gateway.broker] key_id",
        "[elsewhere] key_id",
        "[environment] mode_ceiling",
    ]
    assert faults[-1] == (
        "[environment] mode_ceiling: expected at most paper, found live: [broker] kind is alpaca_paper"
    )


def test_where_all_agree_there_is_no_fault() -> None:
    assert not list(PAPER.faults(AccountName("PA1"), (("x", "PK1"),), Mode.PAPER, EXAMS))
    assert not list(VENUE.faults(AccountName("SIM-1"), (("x", "key"),), Mode.PAPER, None))
