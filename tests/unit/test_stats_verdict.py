"""The words of a verdict follow from its numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from orderflow_bt.stats.verdict import Evidence, judge, money

LUCKY = Evidence(
    round_trips=41,
    net_pnl=312.4,
    gross_pnl=400.0,
    fees=87.6,
    sum_interval=(-80.0, 700.0),
    band={"touch": 500.0, "queue": 312.4, "through": 120.0},
    days=30,
)


def test_luck_is_said_first_and_in_words():
    verdict = judge(LUCKY)
    assert verdict.tone == "luck"
    assert verdict.headline == "Not told apart from luck: +312.40 USDT over 41 round trips."
    assert verdict.sentences[0] == (
        "41 round trips made +312.40 USDT after fees; drawing 41 at random from the same results "
        "gives between \u221280.00 USDT and +700.00 USDT in 95 of 100 tries: luck alone is not "
        "ruled out."
    )
    assert "22 % of it" in verdict.sentences[1]


@pytest.mark.parametrize(
    ("change", "tone"),
    [
        ({"round_trips": 0}, "no_trades"),
        ({"round_trips": 29}, "too_few"),
        ({"sum_interval": None}, "too_few"),
        ({"band": {"touch": 5.0, "queue": -1.0}}, "fragile"),
        ({"sum_interval": (-9.0, -1.0)}, "loss"),
        ({"sum_interval": (1.0, 9.0)}, "edge"),
        ({"sum_interval": (0.0, 9.0)}, "luck"),
    ],
)
def test_tones(change: dict[str, object], tone: str):
    verdict = judge(replace(LUCKY, **change))
    assert verdict.tone == tone
    assert 1 <= len(verdict.sentences) <= 6
    assert verdict.headline.endswith(".")


def test_a_sign_inside_the_band_stands_in_the_headline_whatever_the_tone():
    band = {"touch": 5.0, "queue": 1.0, "through": -3.0}
    for trips in (10, 41):
        headline = judge(replace(LUCKY, round_trips=trips, band=band)).headline
        assert "sign" in headline
        assert "\u22123.00 USDT to +5.00 USDT" in headline


def test_a_loss_is_not_negative_twice_and_an_idle_band_is_said_once():
    band = dict.fromkeys(("touch", "queue", "through"), -5.0)
    verdict = judge(replace(LUCKY, net_pnl=-5.0, gross_pnl=3.0, band=band))
    assert verdict.sentences[0].startswith("41 round trips lost 5.00 USDT after fees")
    assert verdict.sentences[2].startswith(
        "How resting limit orders are assumed to fill makes no difference"
    )


def test_no_trades_says_what_to_do_next():
    nothing = Evidence(0, 0.0, 0.0, 0.0)
    assert "longer" in judge(nothing).sentences[0]
    assert "none became an order" in judge(replace(nothing, events=7)).sentences[0]
    refused = {"no level near": 2, "target under 1.5 R": 5}
    said = judge(replace(nothing, events=7, skipped=refused)).sentences[0]
    assert "most often (5 times) target under 1.5 R" in said
    assert "what the strategy waits for" in judge(replace(nothing, events=7)).sentences[0]
    held = judge(replace(nothing, orders=1, open_pnl=-4.0)).sentences
    assert held[0].startswith("One position was opened and never closed")
    assert "3 orders" in judge(replace(nothing, orders=3, events=7)).sentences[0]


def test_costs_are_told():
    took = judge(replace(LUCKY, net_pnl=-10.0, gross_pnl=77.6, band={}))
    assert "took all of that" in took.sentences[1]
    assert "before fees already" in judge(replace(LUCKY, gross_pnl=-1.0)).sentences[1]
    assert judge(replace(LUCKY, fees=-1.0)).sentences[1] == (
        "Fees were negative: rebates of 1.00 USDT. Without them the result was +400.00 USDT."
    )
    assert "made all of it" in judge(replace(LUCKY, gross_pnl=-1.0, fees=-2.0)).sentences[1]
    assert "made all of it" not in judge(replace(LUCKY, gross_pnl=-9.0, fees=-2.0)).sentences[1]
    assert judge(replace(LUCKY, fees=0.0)).sentences[1] == "No fees were charged."
    slipped = judge(replace(LUCKY, slippage=12.5)).sentences[1]
    assert slipped.endswith("22 % of it. That is after slippage of 12.50 USDT.")


def test_the_result_is_told_in_multiples_of_the_risk():
    risked = replace(LUCKY, expectancy_r=0.1234, r_interval=(-0.05, 0.3))
    assert judge(risked).sentences[1] == (
        "In multiples of what its stop put at risk, a round trip made +0.12 R on average, between "
        "\u22120.05 R and +0.30 R in 95 of 100 tries."
    )
    assert judge(replace(risked, round_trips=5)).sentences[1].endswith("+0.12 R on average.")


def test_an_account_that_is_gone_is_said_first():
    gone = replace(LUCKY, start_cash=500.0, final_equity=25.0, net_pnl=-475.0)
    verdict = judge(gone)
    assert verdict.tone == "ruin"
    assert verdict.headline == (
        "The account was lost: 25.00 USDT of 500.00 USDT are left after 41 round trips."
    )
    assert judge(replace(gone, final_equity=25.01)).tone == "luck"
    few = judge(replace(gone, round_trips=6, liquidations=2, liquidation_loss=470.0,
                        liquidated_at="2024-01-02 03:04 UTC"))  # fmt: skip
    assert few.headline.startswith("LIQUIDATED twice. The account was lost")
    assert "not how a strategy trades" in few.sentences[0]
    told = next(text for text in few.sentences if "exchange" in text)
    assert "the first at 2024-01-02 03:04 UTC; all that backed them was lost: 470.00 USDT" in told


@pytest.mark.parametrize(("net", "in_r", "better"), [(312.4, -0.1, "more"), (-50.0, 0.1, "less")])
def test_money_and_r_of_other_signs_are_explained(net: float, in_r: float, better: str):
    verdict = judge(replace(LUCKY, net_pnl=net, expectancy_r=in_r))
    assert f"those that risked {better} did better" in verdict.sentences[1]
    same = judge(replace(LUCKY, net_pnl=net, expectancy_r=-in_r))
    assert "did better" not in same.sentences[1]


def test_a_rule_is_held_against_its_parts():
    adds = {
        "alerts alone": {"mean": 5.5, "low": 3.4, "high": 7.9, "why": ""},
        "order flow alone": {"mean": -1.0, "low": -3.0, "high": 1.0, "why": ""},
        "neither": {"mean": 1.0, "low": None, "high": None, "why": "needs more"},
    }
    assert judge(replace(LUCKY, adds=adds)).sentences[1] == (
        "Held against its variants, a round trip made 5.50 USDT more than alerts alone (in 95 of "
        "100 draws of days from +3.40 USDT to +7.90 USDT); 1.00 USDT less than order flow alone "
        "(in 95 of 100 draws of days from \u22123.00 USDT to +1.00 USDT, which could be luck)."
    )


def test_holes_open_positions_and_simulated_markets_are_told():
    verdict = judge(
        replace(LUCKY, missing_days=2, missing_ids=1, open_pnl=-3.0, simulated_market=True)
    )
    text = " ".join(verdict.sentences)
    assert "2 of 30 days have no data and 1 trade is missing inside days with data" in text
    assert "still open" in text
    assert verdict.headline.startswith("Simulated market.")
    assert len(verdict.sentences) == 7
    assert "best of several variants" in verdict.sentences[-1]


def test_money():
    assert money(-0.001) == "0.00"
    assert money(-1234.5, "USDT") == "\u22121,234.50 USDT"
    assert money(0.01818182, "BTC") == "+0.01818182 BTC"


def test_a_clear_sum_does_not_hide_an_unclear_multiple():
    clear = replace(
        LUCKY, net_pnl=-800.0, sum_interval=(-1300.0, -200.0), band={}, expectancy_r=-0.55,
        r_interval=(-1.13, 0.07),
    )  # fmt: skip
    told = judge(clear)
    assert told.tone == "loss"
    assert told.sentences[1].endswith(
        "between \u22121.13 R and +0.07 R in 95 of 100 tries: so measured, luck is not ruled out."
    )
    sure = judge(replace(clear, r_interval=(-1.13, -0.1)))
    assert "ruled out" not in sure.sentences[1]


def test_several_open_positions_are_told_as_several():
    told = judge(replace(LUCKY, open_pnl=459.61, open_trips=2))
    assert any(said.startswith("2 positions were still open at the end") for said in told.sentences)
    none = judge(replace(LUCKY, round_trips=0, open_pnl=459.61, open_trips=2))
    assert none.sentences[0].startswith("2 positions were opened and never closed")
