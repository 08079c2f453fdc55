"""A recorded call on the working copy: compared, in pdb on a real terminal, in debugpy."""

import json
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from tests.functional.replay.dap import Debugger
from tests.functional.replay.rig import APP, FIXED, command, environment, failed, tap, write
from tests.functional.running import Platform

pytestmark = pytest.mark.slow
EMPTY = {"id": "a", "sum": 10, "items": 0}
WAIT_S = 30


@pytest.fixture(scope="module")
def shop(platform: Platform) -> Platform:
    platform.deploy(APP, "shop")
    return platform


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return write(tmp_path / "shop")


def test_the_same_code_ends_the_same(shop: Platform, copy: Path) -> None:
    run = tap(shop, copy, "replay", failed(shop, json=EMPTY), "--local")
    assert run.returncode == 0, run.stderr
    assert "no difference" in run.stdout
    assert 'total.py", line 7, in post' in run.stderr


def test_fixed_code_shows_the_difference(shop: Platform, copy: Path) -> None:
    id = failed(shop, json={**EMPTY, "id": "b"})
    version = shop.api("GET", "/apps/shop/docs/orders/b").json()["version"]
    (copy / "orders/restful/total.py").write_text(FIXED)
    run = tap(shop, copy, "replay", id, "--local")
    assert run.returncode == 1, run.stderr
    assert '+ {"order": "b", "average": 0}' in run.stdout
    assert shop.api("GET", "/apps/shop/docs/orders/b").json()["version"] == version
    live = tap(shop, copy, "replay", id, "--local", "--live", "--json")
    assert json.loads(live.stdout)["after"]["status"] == 200
    assert shop.api("GET", "/apps/shop/docs/orders/b").json()["version"] > version


def test_async_handlers_and_calls_of_functions(shop: Platform, copy: Path) -> None:
    run = tap(shop, copy, "replay", failed(shop, "/orders-api/waits"), "--local")
    assert (run.returncode, "no difference" in run.stdout) == (0, True), run.stderr
    id = failed(shop, "/orders-api/calls", json={"n": 5})
    for how in ("--local", "--live"):
        run = tap(shop, copy, "replay", id, "--local", how, "--json")
        assert json.loads(run.stdout)["after"]["message"] == "ValueError: 2.0", run.stderr


def test_secrets_are_asked_of_the_person(shop: Platform, copy: Path) -> None:
    shop.api("PUT", "/apps/shop/secrets/STRIPE", json={"value": "sk-4242-4242"}).raise_for_status()
    id = failed(shop, "/orders-api/key")
    run = tap(shop, copy, "replay", id, "--local", "--json")
    assert "--secret STRIPE=VALUE" in json.loads(run.stdout)["after"]["message"]
    run = tap(shop, copy, "replay", id, "--local", "--secret", "STRIPE=mine", "--json")
    assert json.loads(run.stdout)["after"]["message"] == "ValueError: no luck with mine"


def test_a_package_that_is_missing_is_named_with_the_command(shop: Platform, copy: Path) -> None:
    id = failed(shop, json=EMPTY)
    file = copy / "orders/restful/total.py"
    file.write_text("import nobody_has_this\n" + file.read_text())
    (copy / "requirements.txt").write_text("nobody-has-this\n")
    run = tap(shop, copy, "replay", id, "--local")
    assert run.returncode == 1
    told = " ".join(run.stderr.split())
    assert "lacks nobody_has_this: uv pip install --python" in told
    assert f"-r {copy}/requirements.txt" in told


def test_a_folder_that_is_no_working_copy(shop: Platform, tmp_path: Path) -> None:
    run = tap(shop, tmp_path, "replay", failed(shop, json=EMPTY), "--local")
    assert run.returncode == 2
    assert "has no orders/restful/total.py" in run.stderr


def in_pdb(shop: Platform, copy: Path, id: str) -> "pexpect.spawn[str]":
    program, *arguments = command("replay", id, "--pdb")
    return pexpect.spawn(
        program,
        arguments,
        cwd=copy,
        env={**environment(shop), "TERM": "dumb", "NO_COLOR": "1", "PYTHON_COLORS": "0"},
        encoding="utf-8",
        timeout=WAIT_S,
        echo=False,
    )


def test_pdb_stops_at_the_first_line_and_at_the_error(shop: Platform, copy: Path) -> None:
    terminal = in_pdb(shop, copy, failed(shop, json=EMPTY))
    terminal.expect_exact("total.py(5)post()")
    terminal.expect_exact("(Pdb) ")
    terminal.sendline("p body['items']")
    terminal.expect_exact("0\r\n(Pdb) ")
    terminal.sendline("continue")
    terminal.expect_exact("ZeroDivisionError: division by zero")
    terminal.expect_exact("total.py(12)share()")
    terminal.expect_exact("(Pdb) ")
    terminal.sendline("p whole, parts")
    terminal.expect_exact("(10, 0)")
    terminal.sendline("up")
    terminal.expect_exact("total.py(7)post()")
    terminal.sendline("q")
    terminal.expect_exact("no difference")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0


def test_ctrl_c_is_for_the_debugger(shop: Platform, copy: Path) -> None:
    terminal = in_pdb(shop, copy, failed(shop, json=EMPTY))
    terminal.expect_exact("(Pdb) ")
    # Only once it runs: a terminal forgets with Ctrl-C what nobody has read yet.
    terminal.sendline(r"""exec("print('for' + 'ever', flush=True)\nwhile True: pass")""")
    terminal.expect_exact("forever")
    terminal.sendintr()
    terminal.expect_exact("KeyboardInterrupt")
    terminal.expect_exact("(Pdb) ")
    terminal.sendline("p body['sum']")
    terminal.expect_exact("10\r\n(Pdb) ")
    terminal.close(force=True)


def test_pdb_can_change_what_comes_out(shop: Platform, copy: Path) -> None:
    terminal = in_pdb(shop, copy, failed(shop, "/orders-api/waits"))
    terminal.expect_exact("waits.py(5)get()")
    terminal.expect_exact("(Pdb) ")
    terminal.sendline("!n = 4")
    terminal.expect_exact("(Pdb) ")
    terminal.sendline("c")
    terminal.expect_exact("+ 200")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 1


def test_debugpy_waits_and_stops_in_the_users_code(shop: Platform, copy: Path) -> None:
    run = subprocess.Popen(
        command("replay", failed(shop, json=EMPTY), "--debugpy", "--port", "0"),
        cwd=copy,
        env=environment(shop),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with run:
        assert run.stderr is not None
        waits = next(line for line in run.stderr if "debugpy waits on" in line)
        with Debugger(waits.partition("127.0.0.1:")[2].partition(":")[0]) as editor:
            editor.attach(str(copy / "orders/restful/total.py"), line=12)
            thread = editor.wait_stopped()
            frame = editor.top_frame(thread)
            assert (frame["name"], frame["line"]) == ("share", 12)
            assert editor.evaluate("whole, parts", frame["id"]) == "(10, 0)"
            editor.go_on(thread)
            editor.wait_over()
        assert run.stdout is not None
        assert "no difference" in run.stdout.read()
        assert run.wait(WAIT_S) == 0


def test_debugpy_that_is_missing_is_named_with_the_command(
    shop: Platform, copy: Path, tmp_path: Path
) -> None:
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    id = failed(shop, json=EMPTY)
    run = tap(shop, copy, "replay", id, "--debugpy", "--python", str(bare / "bin/python"))
    assert run.returncode == 1
    told = "".join(run.stdout.split())
    assert "debugpyisnotinstalledfor" in told
    assert f"uvpipinstall--python{bare}/bin/pythondebugpy" in told
