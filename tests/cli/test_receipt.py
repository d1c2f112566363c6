"""`lab receipt`: what came of a sleep, in plain text and as JSON."""

from __future__ import annotations

import json

import pytest

from lab.journal.receipts import MEASURES, measures_of_all
from lab.journal.record import Record
from lab.journal.sleep_events import SleepEnded, SleepExampleUsed, SleepLessonFound, SleepMeasured, SleepStarted
from lab.receipt import NOT_MEASURED, STILL_RUNNING, achieved, outcome
from tests.cli.conftest import Lab
from tests.cli.test_record import held
from tests.journal.sleeps import SAID, judged_sleep, tell


def fill(record: Record) -> None:
    tell(record, 1)
    tell(record, 2, "weakened", parent="sleep-0001", strength=0.6, reason="At full strength it drifted.")
    tell(record, 3, "rolled_back", parent="sleep-0002", reason="it drifted by 0.42 bits a token")
    record.sync()


def test_without_a_name_it_is_the_newest_and_the_beginning_of_an_id_is_enough(record: Record, lab: Lab) -> None:
    fill(record)
    shown = lab("receipt").out
    assert shown.startswith("sleep-0003, complete, rolled back, made no adapter, from sleep-0002\n")
    assert "Why: it drifted by 0.42 bits a token" in shown
    assert lab("receipt", "sleep-0001").out.startswith("sleep-0001, complete, kept, made adapter sleep-0001, from smol")
    assert "weakened to 60 %" in lab("receipt", "sleep-0002").out
    assert 'Several sleeps begin with "sleep-"' in lab("receipt", "sleep-").err


def test_it_has_the_measures_with_interval_n_and_limit_and_what_it_took(record: Record, lab: Lab) -> None:
    fill(record)
    lines = lab("receipt").out.splitlines()
    assert lines[1] == "2026-01-02 06:00 UTC, 1:04, 300 tokens/s, 1.2 GB of memory"
    rows = {line.split("  ")[0]: " ".join(line.split()) for line in lines}
    assert rows["learned"] == "learned 67 % 21 to 94 % 3 at least 50 % met"
    assert rows["neighbours"].endswith(" missed") and rows["drift, bits/token"].endswith(" missed")
    assert rows["length, times"] == "length, times 1.040 0.900 to 1.200 12 0.5 to 2 met"
    assert rows["trained wordings"] == "trained wordings 100 % 44 to 100 % 3"


def test_answers_stand_side_by_side_and_what_was_set_aside_has_its_reason(record: Record, lab: Lab) -> None:
    fill(record)
    shown = lab("receipt").out
    assert "\n  unseen wording: In which town is my home?\n    expected: You live in Ghent.\n" in shown
    (labels, answers) = next(
        (label, answer)
        for label, answer in zip(shown.splitlines(), shown.splitlines()[1:])
        if label.split() == ["before:", "wrong", "after:", "right"]
    )
    assert labels.index("after:") == answers.index("Your dog is called Rex.")
    assert "after: changed" in shown and "expected: I do not know your cat." not in shown
    assert 'you said so, key "organs", 15.5 nats of support' in shown
    assert "Set aside:\n  That is how it always was.\n    The answer does not follow.\n" in shown
    assert "paraphrase by model, similarity 0.91: Tell me: Where do I live? -> You live in Ghent." in shown


@pytest.mark.parametrize(("columns", "widest"), [("80", 80), ("300", 118), ("20", 77)])
def test_it_is_as_wide_as_the_terminal_and_never_wider_than_118(
    record: Record, lab: Lab, monkeypatch: pytest.MonkeyPatch, columns: str, widest: int
) -> None:
    tell(record, 1, answer="It was said. " * 4000)
    record.append("sleep-0001", SleepExampleUsed("sleep-0001", SAID, "replay", "It was said. " * 4000, "Rex."))
    record.sync()
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", columns)
    shown = lab("receipt").out
    assert max(map(len, shown.splitlines())) <= widest
    # A huge text is cut; --json has all of it.
    assert shown.count("It was said.") < 400
    answers = [each["answer_after"] for each in json.loads(lab("receipt", "--json").out)["sleep_probes"]]
    assert answers[0] == "It was said. " * 4000


def test_json_is_one_object_with_the_sql_names(record: Record, lab: Lab) -> None:
    fill(record)
    body = json.loads(lab("receipt", "sleep-0002", "--json").out)
    assert (body["cycle_id"], body["verdict"], body["strength"]) == ("sleep-0002", "weakened", 0.6)
    assert (body["rss_bytes"], body["vram_bytes"], body["tokens_per_second"]) == (1_250_000_000, None, 300.0)
    for table in ("sleep_lessons", "sleep_probes", "sleep_measures", "sleep_examples"):
        columns = set(record.query(f"SELECT * FROM {table} LIMIT 0").columns)
        assert body[table] and all(set(row) == columns for row in body[table])
    assert set(record.query("SELECT * FROM sleep_cycles LIMIT 0").columns) <= set(body)
    assert [row["measure"] for row in body["sleep_measures"]] == list(MEASURES)


def test_a_sleep_without_measures_says_so_and_what_is_known(record: Record, lab: Lab) -> None:
    record.append(
        "sleep-0001",
        SleepStarted("sleep-0001", "/models/tiny", None, 1, 1, 5, 1, 8, 1e-3, "published"),
        SleepExampleUsed("sleep-0001", SAID, "original", "Who are you?", "A model."),
        SleepEnded("sleep-0001", "complete", "sleep-0001", 1, 3.0, 0.3, 60.0),
    )
    shown = lab("receipt").out
    assert NOT_MEASURED in shown
    assert "made adapter sleep-0001, from tiny" in shown and "loss 3.00 -> 0.30" in shown
    assert "original: Who are you? -> A model." in shown
    assert "learned" not in shown


def test_a_measure_that_was_no_number_is_called_that(record: Record, lab: Lab) -> None:
    tell(record, 1, "kept")
    nan = float("nan")
    measures = [SleepMeasured("sleep-0002", name, nan, nan, nan, 3, 0.5, False) for name in ("learned", "drift")]
    record.append(
        "sleep-0002",
        SleepStarted("sleep-0002", "/models/tiny", None, 1, 1, 5, 1, 8, 1e-3, "lessons"),
        *measures,
        SleepEnded("sleep-0002", "complete", None, 1, 3.0, 0.3, 60.0, verdict="rolled_back"),
    )
    record.sync()
    shown = lab("receipt")
    assert (shown.code, shown.err) == (0, "")
    rows = [" ".join(line.split()) for line in shown.out.splitlines()]
    assert "learned not a number not a number 3 at least 50 % missed" in rows
    assert [each["value"] for each in json.loads(lab("receipt", "--json").out)["sleep_measures"]] == [None, None]
    found = {each.measure: each for each in measures_of_all(record)["sleep-0002"]}
    assert achieved(list(found.values())) == "learned not a number, drift not a number"
    said = outcome("sleep-0002", "rolled_back", None, None, found)
    assert said is not None and said.endswith("Measured: learned not a number, drift not a number.")


def test_what_was_known_before_is_not_said_to_be_new() -> None:
    def learned(before: float) -> str:
        found = {"learned": 1.0, "learned_before": before, "drift": 0.03}
        return achieved([SleepMeasured("sleep-0001", name, value, None, None, 12) for name, value in found.items()])

    assert learned(0.0) == "learned 12 of 12, drift 0.03"
    assert learned(0.75) == "learned 12 of 12 (9 before), drift 0.03"


def test_a_sleep_that_runs_is_not_the_newest_and_is_said_to_run(record: Record, lab: Lab) -> None:
    runs = SleepStarted("sleep-0002", "/models/tiny", None, 1, 1, 5, 1, 8, 1e-3, "lessons")
    record.append("sleep-0002", runs)
    record.sync()
    assert STILL_RUNNING in lab("receipt").out
    tell(record, 1)
    record.sync()
    assert lab("receipt").out.startswith("sleep-0001, complete, kept")
    named = lab("receipt", "sleep-0002").out
    assert STILL_RUNNING in named and NOT_MEASURED not in named and "made no adapter" not in named


def test_nothing_that_a_model_said_reaches_the_terminal_as_a_command(record: Record, lab: Lab) -> None:
    tell(record, 1, answer="\x1b]0;owned\x07 \u202edlrow\r\nnext")
    record.sync()
    shown = lab("receipt").out
    assert "owned" in shown
    assert not {"\x1b", "\x07", "\r", "\u202e"} & set(shown)


def test_what_a_purge_left_of_a_lesson_can_still_be_shown(record: Record, lab: Lab) -> None:
    tell(record, 1)
    record.append("sleep-0001", SleepLessonFound("sleep-0001", "5", SAID, "statement", "", "", "", "", reason=""))
    shown = lab("receipt")
    assert (shown.code, shown.err) == (0, "")
    assert "The reason was purged." in shown.out


def test_a_missing_sleep_is_one_sentence_with_those_that_exist(record: Record, lab: Lab) -> None:
    none = lab("receipt")
    assert (none.code, none.out) == (1, "")
    assert none.err == "lab: There is no sleep in this workspace yet.\n     Talk, then lab sleep.\n"
    fill(record)
    missing = lab("receipt", "nap")
    assert missing.code == 1
    assert missing.err == 'lab: There is no sleep "nap".\n     There are sleep-0003, sleep-0002, sleep-0001.\n'


def test_it_is_read_from_the_journal_while_another_program_holds_the_database(record: Record, lab: Lab) -> None:
    fill(record)
    expected = lab("receipt", "sleep-0001").out
    with held(record):
        shown = lab("receipt", "sleep-0001")
        assert shown.out == expected
        assert "This is read from the journal instead." in shown.err
        assert "There are sleep-0003" in lab("receipt", "nap").err


def test_it_can_be_read_while_a_lab_is_open(record: Record, lab: Lab) -> None:
    record.start()
    try:
        record.append("sleep-0001", *judged_sleep(1))
        assert lab("receipt").out.startswith("sleep-0001, complete, kept")
    finally:
        record.close()
