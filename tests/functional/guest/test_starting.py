"""How an instance begins: fresh chance, hooks, and modules that fail."""

from tests.functional.guest.conftest import MakeHost


def test_module_imported_after_the_fork_serves(make_host: MakeHost) -> None:
    assert make_host("def get():\n    return 'late'\n", late=True).call().body == b"late"


def test_module_that_fails_after_the_fork_says_start_failed(make_host: MakeHost) -> None:
    host = make_host("import nowhere_to_be_found\n", late=True)
    failure = host.call().failure
    assert failure is not None
    assert failure["ending"] == "start_failed"
    assert failure["message"].startswith("users/restful/one.py:1: ModuleNotFoundError")
    assert host.wait_exit() == 0


def test_hooks_run_at_their_moments(make_host: MakeHost) -> None:
    host = make_host(
        """
        import os
        from tapwater import after_fork, before_snapshot
        seen = []

        @before_snapshot
        def warm():
            seen.append("warm")

        @after_fork
        def connect():
            seen.append("connected")

        def get():
            return seen
        """
    )
    assert host.call().json() == ["warm", "connected"]
    assert host.call().json() == ["warm", "connected"]


def test_after_fork_that_fails_says_start_failed(make_host: MakeHost) -> None:
    host = make_host(
        """
        from tapwater import after_fork

        @after_fork
        def connect():
            raise OSError("no database")

        def get():
            return 1
        """
    )
    failure = host.call().failure
    assert failure is not None
    assert failure["ending"] == "start_failed"
    assert "no database" in failure["message"]


def test_two_forks_do_not_roll_the_same_dice(make_host: MakeHost) -> None:
    source = """
        import random
        random.seed(1)

        def get():
            return random.getrandbits(64)
    """
    first, second = make_host(source).call().json(), make_host(source).call().json()
    assert first != second


def test_environment_is_there_at_import(make_host: MakeHost) -> None:
    host = make_host(
        "import os\nMODE = os.environ['MODE']\ndef get():\n    return MODE\n",
        image={"environment": {"MODE": "test"}},
        late=True,
    )
    assert host.call().body == b"test"
