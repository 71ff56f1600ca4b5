"""What a person is told of a check that did not pass: what was found, what is permitted, and what to do.

The sentences may be reworded, the codes may not. They read a check as it was made and as journalled.
"""

from decimal import Decimal

from msgspec import Struct

from agenttrader.model.decisions import Check
from agenttrader.model.times import Instant, rfc3339

NO_ANSWER = "an answer"
"""What is permitted where a check raised: anything but that."""
NO_LIMIT = (
    "No limit is set for this, and without a limit nothing is permitted. A person sets one in [limits]."
)


class Sentence(Struct, frozen=True):
    """The sentence of a failure with its numbers, and the one for where the fact is not known."""

    failed: str
    unknown: str = (
        "What this check needs is not known, and what is not known is denied. Look at the market data."
    )
    holds_times: bool = False
    """Whether its whole numbers are instants."""


_NO_PRICE = "No price of the symbol has been seen yet. Wait for its market data."
_NO_WINDOW = (
    "Trading is at rest: no window is open. A person opens one with a signed statement to /v1/windows."
)
_NO_DAY = "No trading day has been opened yet. Wait for the market data and the comparison with the broker."
_NO_BROKER = "The account at the broker is not known yet. Wait for the comparison with the broker."

SENTENCES: dict[str, Sentence] = {
    "agent": Sentence(
        "The agent {observed} is not configured with limits. A person adds [agents.{observed}] and "
        "[limits.agent.{observed}].",
    ),
    "strategy": Sentence(
        "The agent does not run a strategy named {observed}; it runs: {permitted}. Name one of these,"
        " or no strategy where it runs none.",
    ),
    "ownership": Sentence(
        "The agent does not own {observed}; it owns: {permitted}. A symbol has one owner, and "
        "[agents] says who.",
    ),
    "may_open": Sentence(
        "The key may only {permitted}, and the order would {observed} a position. Use an agent's key.",
    ),
    "order_id": Sentence(
        "The id was used for another order. Send a new id for a new order.",
    ),
    "trading_state": Sentence(
        "Trading is {observed}. This order needs trading {permitted}. A person settles the reasons, "
        "then opens or resumes a window.",
    ),
    "window": Sentence(
        "The window does not let orders in: now is {observed}, the window is {permitted}. A person "
        "opens or resumes one with a signed statement to /v1/windows.",
        unknown=_NO_WINDOW,
        holds_times=True,
    ),
    "mode": Sentence(
        "The window's mode is {observed} and the ceiling {permitted}: orders leave only in paper or live, up "
        "to the ceiling. Under a ceiling below paper no window helps: a person raises mode_ceiling. Under "
        "another a person opens a window in a mode that may.",
        unknown=_NO_WINDOW,
    ),
    "scope": Sentence(
        "The window covers {permitted}, not {observed}. A person opens one with this order in its scope.",
        unknown=_NO_WINDOW,
    ),
    "valid_until": Sentence(
        "The proposal was meant until {permitted}, and it is {observed}. Decide again on present prices.",
        holds_times=True,
    ),
    "instrument": Sentence(
        "{observed} is not configured with limits. A person adds [instruments.{observed}] and "
        "[limits.symbol.{observed}].",
    ),
    "restricted": Sentence(
        "{observed} is on the restricted list, and only what is {permitted} may be opened. What is held "
        "there may be left.",
    ),
    "symbol_group": Sentence(
        "{observed} is in no group of symbols, and only what is {permitted} may be opened. A person adds it "
        "to the symbols of a [limits.group.NAME].",
    ),
    "days_to_expiry": Sentence(
        "The option ends in {observed} days, and only what lasts {permitted} more may be opened. Take one "
        "that ends later.",
        unknown="When the option ends is not known: no session is open. Wait for one.",
    ),
    "shape": Sentence(
        "The broker has no such order: {observed}. Send one {permitted}.",
    ),
    "session": Sentence(
        "It is {observed}, and the exchange takes such orders {permitted}. Send it then.",
        unknown=("The exchange is closed, or its calendar does not say. Send the order while it trades."),
        holds_times=True,
    ),
    "symbol_status": Sentence(
        "The exchange has the symbol {observed}. Wait until it lets it trade again.",
        unknown="Whether the exchange lets the symbol trade is not known. Wait for its market data.",
    ),
    "market_fall": Sentence(
        "What stands for the market lies {observed} below where its day began, at most {permitted} is "
        "permitted. Wait until it has come back, or for the next day.",
        unknown="What stands for the market has no price yet. Look at [limits.account] market_symbols and at "
        "the market data.",
    ),
    "account_permits": Sentence(
        "The broker says of the account: {observed}. The order needs {permitted}. Look at the account's "
        "settings at the broker, or ask it why.",
        unknown="What the broker lets the account do is not known. Wait for the comparison with the broker.",
    ),
    "quote": Sentence(
        "The last price is {observed}, which no price can be. Look at the market data.",
        unknown=_NO_PRICE,
    ),
    "quote_time": Sentence(
        "The price is of {observed}, later than now, {permitted}. Look at the clocks and the market data.",
        unknown=_NO_PRICE,
        holds_times=True,
    ),
    "quote_age": Sentence(
        "The last price is {observed} s old, at most {permitted} s are permitted. Wait for a fresh "
        "one, and look at the feed if none comes.",
        unknown=_NO_PRICE,
    ),
    "opens": Sentence(
        "The order says that it opens, but the position is {observed}, not {permitted}. Say `reduce` "
        "or `close`, or wait until what works the other way has ended.",
    ),
    "self_match": Sentence(
        "The order may trade at {observed}, and an order of the account's own rests there: it may only "
        "{permitted}. Change the price, or end what rests first.",
        unknown=_NO_PRICE,
    ),
    "reduces": Sentence(
        "The order would take {observed} off the position, and {permitted} can be taken off: what "
        "works to reduce already counts. Ask for less, or cancel what works.",
    ),
    "shorting": Sentence(
        "The order would go {observed}, and the symbol may only go {permitted}.",
    ),
    "tick": Sentence(
        "The price {observed} is not a multiple of the tick {permitted}. Put it on the tick.",
    ),
    "lot": Sentence(
        "The quantity {observed} is not a multiple of the lot {permitted}. Put it on the lot.",
    ),
    "order_quantity": Sentence(
        "The order is for {observed} units, at most {permitted} are permitted. Send a smaller one.",
    ),
    "order_notional": Sentence(
        "The order is worth {observed}, at most {permitted} is permitted. Send a smaller one.",
        unknown=_NO_PRICE,
    ),
    "price_collar": Sentence(
        "A price lies {observed} from the mark, at most {permitted} is permitted. Look at the price, "
        "and decide again on the present one.",
        unknown=_NO_PRICE,
    ),
    "price_move": Sentence(
        "The price, with this order's, has moved by {observed} within the time that counts, at most "
        "{permitted} is permitted. Wait until it is calm, or name a price nearer to the others.",
        unknown=_NO_PRICE,
    ),
    "repeats": Sentence(
        "The same symbol, side and quantity came for the {observed}. time so soon, at most {permitted} are "
        "permitted. The agent is halted until a person who has looked at it resumes it.",
    ),
    "order_rate_agent": Sentence(
        "It is the agent's order number {observed} within a minute, at most {permitted} are permitted. Wait.",
    ),
    "order_rate_account": Sentence(
        "It would be the account's approved order number {observed} within a minute, at most "
        "{permitted} are permitted. Wait.",
    ),
    "message_rate": Sentence(
        "It would be message number {observed} of the agent to the broker within a minute, cancels and "
        "replacements included, at most {permitted} are permitted. Wait; what leaves a position still goes.",
    ),
    "open_orders_agent": Sentence(
        "The agent would have {observed} open orders, at most {permitted} are permitted. Cancel one, "
        "or wait.",
    ),
    "open_orders_account": Sentence(
        "The account would have {observed} open orders, at most {permitted} are permitted. Cancel "
        "one, or wait.",
    ),
    "daily_orders_agent": Sentence(
        "It would be the agent's entry number {observed} of the day, at most {permitted} are permitted. No "
        "new risk today; what reduces still goes.",
        unknown=_NO_DAY,
    ),
    "daily_orders_account": Sentence(
        "It would be the account's entry number {observed} of the day, at most {permitted} are permitted. No "
        "new risk today; what reduces still goes.",
        unknown=_NO_DAY,
    ),
    "daily_orders_group": Sentence(
        "It would be entry number {observed} of the day in a group of symbols, at most {permitted} are "
        "permitted. No new risk there today; what reduces still goes.",
        unknown=_NO_DAY,
    ),
    "daily_orders_strategy": Sentence(
        "It would be the strategy's entry number {observed} of the day, at most {permitted} are permitted. "
        "No new risk today; what reduces still goes.",
        unknown=_NO_DAY,
    ),
    "daily_new_risk_agent": Sentence(
        "The agent's entries of the day would cost {observed} at their worst, at most {permitted} is "
        "permitted. Send a smaller order, or wait for the next day.",
        unknown=_NO_DAY,
    ),
    "daily_new_risk_account": Sentence(
        "All entries of the day would cost {observed} at their worst, at most {permitted} is permitted. Send "
        "a smaller order, or wait for the next day.",
        unknown=_NO_DAY,
    ),
    "daily_new_risk_group": Sentence(
        "The entries of the day in a group of symbols would cost {observed} at their worst, at most "
        "{permitted} is permitted. Send a smaller order, or wait for the next day.",
        unknown=_NO_DAY,
    ),
    "daily_new_risk_strategy": Sentence(
        "The strategy's entries of the day would cost {observed} at their worst, at most {permitted} is "
        "permitted. Send a smaller order, or wait for the next day.",
        unknown=_NO_DAY,
    ),
    "position": Sentence(
        "The position would be {observed} units if all open orders filled, at most {permitted} are "
        "permitted. Send a smaller order, or cancel one.",
    ),
    "concentration": Sentence(
        "The position would be worth {observed} if all open orders filled, at most {permitted} is permitted: "
        "so large a part of equity. Send a smaller order, or cancel one.",
        unknown=(
            "What the position would be worth is not known, or the equity is not. Wait for prices of every "
            "position."
        ),
    ),
    "gross_exposure_agent": Sentence(
        "The agent's gross exposure would be {observed} if all open orders filled, at most "
        "{permitted} is permitted. Send a smaller order, or reduce first.",
    ),
    "gross_exposure_account": Sentence(
        "The account's gross exposure would be {observed} if all open orders filled, at most "
        "{permitted} is permitted. Send a smaller order, or reduce first.",
    ),
    "gross_exposure_group": Sentence(
        "The gross exposure of a group of symbols would be {observed} if all open orders filled, at most "
        "{permitted} is permitted. Send a smaller order, or reduce first.",
    ),
    "gross_exposure_strategy": Sentence(
        "The strategy's gross exposure would be {observed} if all open orders filled, at most {permitted} is "
        "permitted. Send a smaller order, or reduce first.",
    ),
    "net_exposure_agent": Sentence(
        "The agent's net exposure that way would be {observed} if all open entries filled, at most "
        "{permitted} is permitted. Send a smaller order, or reduce first.",
    ),
    "net_exposure_account": Sentence(
        "The account's net exposure that way would be {observed} if all open entries filled, at most "
        "{permitted} is permitted. Send a smaller order, or reduce first.",
    ),
    "net_exposure_group": Sentence(
        "The net exposure of a group of symbols that way would be {observed} if all open entries filled, at "
        "most {permitted} is permitted. Send a smaller order, or reduce first.",
    ),
    "side_exposure_agent": Sentence(
        "The agent's exposure on the order's side, long or short, would be {observed} if all open entries "
        "filled, at most {permitted} is permitted. Send a smaller order, or reduce first.",
    ),
    "side_exposure_account": Sentence(
        "The account's exposure on the order's side, long or short, would be {observed} if all open entries "
        "filled, at most {permitted} is permitted. Send a smaller order, or reduce first.",
    ),
    "expiry_exposure": Sentence(
        "The gross exposure of all options that end on that day would be {observed} if all open orders "
        "filled, at most {permitted} is permitted. Take another day, or reduce first.",
    ),
    "buying_power": Sentence(
        "The order needs {observed}, and {permitted} is left after all open orders. Send a smaller "
        "one, or reduce first.",
        unknown=_NO_BROKER,
    ),
    "daily_loss": Sentence(
        "The account has lost {observed} today, at most {permitted} is permitted. No new risk today; "
        "what reduces still goes.",
        unknown=(
            "The account's equity or the day's start is not known yet. Wait for prices of every position."
        ),
    ),
    "exit_plan": Sentence(
        "The exit plan has {observed}. It needs a stop, a trail above 0 if any, and an end in the "
        "future if any.",
        unknown=("The order opens a position and does not say how it will be left. Give exit_plan.stop."),
    ),
    "stop_price": Sentence(
        "The stop {observed} lies on the wrong side of {permitted}, or is no price: what protects a long "
        "position lies below, a short one above. Move it; where the price has passed it, close.",
        unknown="The stop cannot be judged: it, or the price to hold it against, is missing.",
    ),
    "target_price": Sentence(
        "The target {observed} lies on the wrong side of {permitted}, or is no price: above it for a "
        "buy, below for a sale. Move it.",
    ),
    "dead_machine_loss": Sentence(
        "Were all of ours to stop once the order has filled, {observed} could be lost, at most {permitted} "
        "is permitted. Bring the stop nearer, send a smaller order, or reduce first.",
        unknown="What the order could lose is not known: its stop, a price or the account is missing.",
    ),
    "order_type": Sentence(
        "It is a {observed} order, and the agent's entries may only be: {permitted}. Send one of these.",
    ),
    "time_in_force": Sentence(
        "The order is {observed}, and the agent's entries may only be: {permitted}. Send one of these.",
    ),
    "extended_hours": Sentence(
        "The order would trade in {observed}, and the agent's may only in the {permitted}. Send it for the "
        "session.",
    ),
    "order_lifetime": Sentence(
        "The order could rest until {observed}, and the window ends at {permitted}. Send a market "
        "order, or have a window opened to the close.",
        unknown="How long the order may rest is not known: there is no window or no session.",
        holds_times=True,
    ),
    "whole": Sentence(
        "A close cancels the protection first, so it takes the whole position at the market, or a part where "
        "an exits unit runs and the position has a plan by which it protects what stays: {permitted}; this "
        "one asks for {observed}.",
    ),
    "approval": Sentence(
        "A person has to approve each entry of this agent before it leaves. One by itself waits for that, "
        "where [approvals] and the agent's requester say who is asked; one of a group, or in the place of "
        "another, is denied: cancel what works, and propose it by itself. Its stop may come nearer and not "
        "go further away than persons approved it. What reduces or closes waits for nobody.",
    ),
    "group": Sentence(
        "The proposals of its group are approved together or not at all, and not all are: {observed}. Mend "
        "what was denied by itself, or propose this one alone.",
    ),
}


def sentence_of(check: Check) -> str:
    """What a person is told of this failed check."""
    if check.permitted == NO_ANSWER:
        return (
            f"The check {check.code} could not be made ({check.observed}), so the answer is no. Report this."
        )
    sentence = SENTENCES[check.code]
    if check.observed is None:
        return sentence.unknown
    if check.permitted is None and "{permitted}" in sentence.failed:
        return NO_LIMIT
    return sentence.failed.format(
        observed=_text(check.observed, sentence.holds_times),
        permitted=_text(check.permitted, sentence.holds_times),
    )


def _text(value: object, is_time: bool) -> str:  # noqa: FBT001  what the sentence says of its own numbers
    match value:
        case int() if is_time:
            return rfc3339(Instant(value))
        case Decimal():
            return f"{value:f}"
        case list() | tuple():
            return " to ".join(_text(each, is_time) for each in value)
        case "":
            return "none"
        case _:
            return str(value)
