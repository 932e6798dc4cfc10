from datetime import date

from bot.simulator.demo.pipeline import closed_lanes, named, open_lanes, won_on

STAGES = ({"id": "s1", "name": "Proposal"}, {"id": "s2", "name": "Contract"})
REASONS = ({"id": "r1", "name": "Too expensive"},)


def _deal(
    name: str, status: str, value: int = 100, *, at: str = "2026-11-28T10:00:00Z", stage: str = "s1"
) -> dict[str, object]:
    return {
        "id": name,
        "name": name,
        "status": status,
        "monetaryValue": value,
        "pipelineStageId": stage,
        "lastStatusChangeAt": at,
    }


def test_open_deals_are_in_the_lane_of_their_stage_with_its_total() -> None:
    deals = [_deal("a", "open"), _deal("b", "open", 50), _deal("c", "won"), _deal("d", "open", 7, stage="s2")]

    lanes = open_lanes(deals, STAGES)

    assert [(lane.name, lane.total, [deal["id"] for deal in lane.deals]) for lane in lanes] == [
        ("Proposal", 150, ["a", "b"]),
        ("Contract", 7, ["d"]),
    ]


def test_closed_deals_are_in_the_lane_of_their_status_whatever_their_stage_the_latest_first() -> None:
    deals = [
        _deal("a", "won", at="2026-11-28T10:00:00Z"),
        _deal("b", "won", at="2026-11-28T11:00:00Z", stage="s2"),
        _deal("c", "open"),
        _deal("d", "lost", 3),
    ]

    lanes = closed_lanes(deals)

    assert [(lane.id, lane.name, lane.total, [deal["id"] for deal in lane.deals]) for lane in lanes] == [
        ("closed-won", "Won", 200, ["b", "a"]),
        ("closed-lost", "Lost", 3, ["d"]),
        ("closed-abandoned", "Abandoned", 0, []),
    ]


def test_a_deal_gets_the_names_of_its_stage_and_its_lost_reason() -> None:
    known = _deal("a", "lost") | {"lostReasonId": "r1"}
    unknown = _deal("b", "lost", stage="s9") | {"lostReasonId": "r9"}

    assert [
        (deal["stage"], deal["lostReason"]) for deal in named([known, unknown, _deal("c", "open")], STAGES, REASONS)
    ] == [
        ("Proposal", "Too expensive"),
        ("", ""),
        ("Proposal", ""),
    ]


def test_won_today_counts_what_was_won_on_this_day_and_is_still_won() -> None:
    deals = [
        _deal("a", "won", 4800),
        _deal("b", "won", 900, at="2026-11-27T23:59:59Z"),
        _deal("c", "lost", 50),
        _deal("d", "won", 1, at="2026-11-29T00:30:00+01:00"),
    ]

    assert won_on(deals, date(2026, 11, 28)) == 4801
