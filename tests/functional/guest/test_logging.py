"""What a function says: prints, logs, and what it says without end."""

from tests.functional.guest.conftest import MakeHost


def test_prints_and_logs_have_levels(make_host: MakeHost) -> None:
    host = make_host(
        """
        import logging, sys
        log = logging.getLogger("shop")

        def get():
            print("one", 2)
            print("oops", file=sys.stderr)
            log.debug("hidden")
            log.info("info %d", 7)
            log.error("bad")
            try:
                1 / 0
            except ZeroDivisionError:
                log.exception("caught")
            sys.stdout.write("no end")
            sys.stdout.buffer.write(b" of line")
            return "x"
        """
    )
    logs = host.call().logs
    assert logs[:4] == [(2, "one 2"), (3, "oops"), (2, "shop: info 7"), (4, "shop: bad")]
    assert logs[4] == (4, "shop: caught")
    assert logs[-1] == (2, "no end of line")
    assert logs[-2] == (4, "ZeroDivisionError: division by zero")


def test_unfinished_line_leaves_with_its_call(make_host: MakeHost) -> None:
    host = make_host("def get():\n    print('no end', end='')\n    return 'x'\n")
    assert host.call().logs == [(2, "no end")]
    assert host.call().logs == [(2, "no end")]


def test_line_and_call_have_ceilings(make_host: MakeHost) -> None:
    host = make_host(
        """
        def get():
            print("x" * 100_000)
            for _ in range(3000):
                print("y" * 1000)
            return "x"
        """
    )
    told = host.call()
    assert len(told.logs[0][1]) == 16 << 10
    assert told.logs[0][1].endswith("...")
    assert sum(len(text) + 1 for _, text in told.logs) < (1 << 20) + 200
    assert told.logs[-1][0] == 3
    assert "dropped" in told.logs[-1][1]
    assert host.call().status == 200


def test_print_before_any_call_belongs_to_none(make_host: MakeHost) -> None:
    host = make_host("print('importing')\ndef get():\n    return 'x'\n", late=True)
    host.call()
    assert host.told[0].logs == [(2, "importing")]


def test_strange_text_is_no_danger(make_host: MakeHost) -> None:
    host = make_host("def get():\n    print('\\ud800 \\0 é')\n    return '\\ud800'\n")
    told = host.call()
    assert told.logs == [(2, "\\ud800 \0 é")]
    assert told.body == b"\\ud800"
