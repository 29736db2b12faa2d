"""Activation in real shells: entering changes what it says, and leaving puts all of it back."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from envlock.formats.activation import Activation, Shell, format_activation, format_deactivation
from shells import NOT_COMPARED, WORDS, Session, environment, open_session

ODD = "a  'b' \"c\" $d `e` \\ ! % # ~ * ? [x] {y} (z) ; & | <> \t\n\n é -n =\n"
SHELLS = list(WORDS)
PLAIN = ["bash", "zsh", "fish"]


def make_environment(folder: Path, name: str, **more: object) -> Activation:
    prefix = folder / name
    (prefix / "bin").mkdir(parents=True, exist_ok=True)
    settings: dict[str, object] = {
        "prefix": str(prefix),
        "name": name,
        "paths": (str(prefix / "bin"),),
        "variables": (("ODD", ODD), ("KEPT", f"{name}'s"), ("NEW", "new")),
        "unset": ("PYTHONPATH", "NEVER"),
        **more,
    }
    return Activation(**settings)  # type: ignore[arg-type]


def write_script(session: Session, name: str, *lines: str) -> str:
    path = session.folder / name
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return str(path)


def set_up(session: Session) -> None:
    """The user's own variables: exported, empty, with every odd sign, and not exported."""
    words = session.words
    session.add(
        words.give("ODD", "mine"),
        words.give("KEPT", ODD),
        words.give("PYTHONPATH", ""),
        words.withhold("PLAIN", ODD),
        words.set_prompt("> "),
    )


@pytest.mark.parametrize("shell", SHELLS)
def test_leaving_puts_everything_back(shell: str, tmp_path: Path):
    session = open_session(shell, tmp_path)
    set_up(session)
    script = write_script(
        session,
        "hook",
        session.words.give("PLAIN", "script's"),
        session.words.give("MORE", "script's"),
    )
    before = session.dump()
    session.activate(make_environment(tmp_path, "alpha", scripts=(script,)))
    during = session.dump()
    session.leave()
    after, value, prompt = session.dump(), session.print("PLAIN"), session.prompt()

    done = session.run()

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert environment(after) == environment(before)
    assert environment(during) != environment(before)
    assert value.read_bytes().decode() == ODD
    assert prompt.read_text() == "> "


@pytest.mark.parametrize("shell", SHELLS)
def test_what_activation_says_holds_while_active(shell: str, tmp_path: Path):
    session = open_session(shell, tmp_path)
    set_up(session)
    alpha = make_environment(tmp_path, "alpha")
    ours = alpha.paths[0]
    session.add(session.words.give("PATH", f"{ours}:/usr/bin:{ours}:{ours}:/bin:{ours}"))
    session.activate(alpha)
    during, prompt = session.dump(), session.prompt()

    done = session.run()

    found = environment(during)
    assert done.stderr == ""
    assert found["PATH"] == f"{ours}:/usr/bin:/bin"
    assert {name: found[name] for name, _ in alpha.variables} == dict(alpha.variables)
    assert not {"PYTHONPATH", "NEVER"} & found.keys()
    assert prompt.read_text() == "(alpha) > "


@pytest.mark.parametrize("shell", SHELLS)
def test_nothing_of_ours_stays_behind(shell: str, tmp_path: Path):
    session = open_session(shell, tmp_path)
    set_up(session)
    session.activate(make_environment(tmp_path, "alpha"))
    during = session.names()
    session.leave()
    after = session.names()

    session.run()

    assert "envlock_deactivate" in during.read_text()
    assert "envlock" not in after.read_text().lower()


@pytest.mark.parametrize("shell", SHELLS)
def test_another_environment_takes_the_place_of_the_first(shell: str, tmp_path: Path):
    session = open_session(shell, tmp_path)
    set_up(session)
    before = session.dump()
    session.activate(make_environment(tmp_path, "alpha", unset=("ONLY_ALPHA",)))
    beta = make_environment(tmp_path, "beta", variables=(("KEPT", "beta's"),))
    session.activate(beta)
    during, prompt = session.dump(), session.prompt()
    session.leave()
    after = session.dump()

    assert session.run().stderr == ""

    was = dict(environment(before))
    was.pop("PYTHONPATH")
    was |= {"KEPT": "beta's", "PATH": f"{beta.paths[0]}:{was['PATH']}"}
    assert environment(during) == was | ({"PS1": "(beta) > "} if "PS1" in was else {})
    assert prompt.read_text() == "(beta) > "
    assert environment(after) == environment(before)


@pytest.mark.parametrize("shell", SHELLS)
def test_the_same_environment_twice_is_the_same_as_once(shell: str, tmp_path: Path):
    session = open_session(shell, tmp_path)
    set_up(session)
    before = session.dump()
    session.activate(make_environment(tmp_path, "alpha"))
    once = session.dump()
    session.activate(make_environment(tmp_path, "alpha"))
    twice, prompt = session.dump(), session.prompt()
    session.leave()
    after = session.dump()

    assert session.run().stderr == ""

    assert environment(twice) == environment(once)
    assert prompt.read_text() == "(alpha) > "
    assert environment(after) == environment(before)


@pytest.mark.parametrize("shell", SHELLS)
def test_what_the_user_changed_meanwhile_stays_the_users(shell: str, tmp_path: Path):
    session = open_session(shell, tmp_path)
    set_up(session)
    session.add(session.words.give("PATH", "/usr/bin:/bin"))
    alpha = make_environment(tmp_path, "alpha")
    session.activate(alpha)
    session.add(
        session.words.give("ODD", "changed meanwhile"),
        session.words.take("NEW"),
        session.words.give("MINE", ODD),
        session.words.give("PATH", f"/opt/mine:{alpha.paths[0]}:/usr/bin:/bin"),
        session.words.set_prompt("(alpha) new> "),
    )
    session.leave()
    after, prompt = session.dump(), session.prompt()

    assert session.run().stderr == ""

    found = environment(after)
    assert found["ODD"] == "changed meanwhile"
    assert found["KEPT"] == ODD
    assert "NEW" not in found
    assert found["MINE"] == ODD
    assert found["PATH"] == "/opt/mine:/usr/bin:/bin"
    assert prompt.read_text() == ("(alpha) new> " if shell == "fish" else "new> ")


@pytest.mark.parametrize("shell", SHELLS)
def test_a_packages_script_that_fails_is_named_and_the_rest_goes_on(shell: str, tmp_path: Path):
    session = open_session(shell, tmp_path)
    words = session.words
    bad = write_script(session, "a bad'one", words.give("HALF", "done"), "false")
    good = write_script(session, "good", words.give("GOOD", "yes"))
    gone = write_script(session, "gone", words.take("GOOD"), "false")
    before = session.dump()
    session.activate(
        make_environment(tmp_path, "alpha", scripts=(bad, good), deactivation_scripts=(gone,))
    )
    during = session.dump()
    session.leave()
    after = session.dump()

    done = session.run()

    assert done.returncode == 0
    assert done.stderr == (
        f"envlock: warning: {bad} failed; going on without it\n"
        f"envlock: warning: {gone} failed; going on without it\n"
    )
    assert environment(during)["GOOD"] == "yes"
    assert environment(after) == environment(before)


@pytest.mark.parametrize("shell", SHELLS)
def test_scripts_run_in_order_and_leaving_runs_theirs_in_reverse(shell: str, tmp_path: Path):
    session = open_session(shell, tmp_path)
    scripts = {
        name: write_script(session, name, f"echo {name} $KEPT") for name in ("a", "b", "x", "y")
    }
    session.activate(
        make_environment(
            tmp_path,
            "alpha",
            variables=(("KEPT", "alpha"),),
            scripts=(scripts["a"], scripts["b"]),
            deactivation_scripts=(scripts["x"], scripts["y"]),
        )
    )
    session.leave()

    assert session.run().stdout == "a alpha\nb alpha\ny alpha\nx alpha\n"


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_puts_no_library_before_the_systems(shell: str, tmp_path: Path):
    session = open_session(shell, tmp_path)
    words = session.words
    script = write_script(session, "hook", words.give("LD_LIBRARY_PATH", "/alpha/lib/stubs"))
    session.add(words.give("LD_LIBRARY_PATH", "/opt/mine"))
    session.activate(make_environment(tmp_path, "alpha", scripts=(script,)))
    during = session.dump()

    done = session.run()

    assert done.stderr == "envlock: warning: a script changed LD_LIBRARY_PATH; it was put back\n"
    assert environment(during)["LD_LIBRARY_PATH"] == "/opt/mine"


@pytest.mark.parametrize("shell", PLAIN)
def test_a_shell_that_is_started_inside_sees_the_environment_only(shell: str, tmp_path: Path):
    session = open_session(shell, tmp_path)
    session.activate(make_environment(tmp_path, "alpha"))
    inner = open_session(shell, tmp_path / "inner")
    during, names = inner.dump(), inner.names()
    inner.leave()
    after = inner.dump()
    script = inner.folder / "script"
    script.write_text("\n".join(inner.lines) + "\n", "utf-8")
    session.add(" ".join([*inner.words.program, inner.words.literal(str(script))]))

    assert session.run().stderr == ""

    assert environment(during)["KEPT"] == "alpha's"
    assert "envlock" not in names.read_text().lower()
    assert environment(after) == environment(during)


@pytest.mark.parametrize("shell", PLAIN)
def test_an_environment_that_is_gone_leaves_the_active_one_alone(shell: str, tmp_path: Path):
    session = open_session(shell, tmp_path)
    session.activate(make_environment(tmp_path, "alpha"))
    before = session.dump()
    beta = make_environment(tmp_path, "beta")
    session.activate(beta)
    shutil.rmtree(beta.prefix)
    session.add("/usr/bin/printf %s $status" if shell == "fish" else "/usr/bin/printf %s $?")
    after = session.dump()

    done = session.run()

    assert done.stdout == "1"
    assert done.stderr == f"envlock: beta: {beta.prefix} is not there; nothing was changed\n"
    assert environment(after) == environment(before)


@pytest.mark.parametrize("shell", PLAIN)
def test_a_script_that_is_gone_is_named_before_anything_is_changed(shell: str, tmp_path: Path):
    session = open_session(shell, tmp_path)
    before = session.dump()
    session.activate(make_environment(tmp_path, "alpha", scripts=("/gone/hook.sh",)))
    after, names = session.dump(), session.names()

    done = session.run()

    assert done.stderr == (
        "envlock: alpha: its script /gone/hook.sh is not there; nothing was changed\n"
    )
    assert environment(after) == environment(before)
    assert "envlock" not in names.read_text().lower()


@pytest.mark.parametrize("shell", SHELLS)
def test_leaving_where_nothing_is_active_does_nothing(shell: str, tmp_path: Path):
    session = open_session(shell, tmp_path)
    before = session.dump()
    session.leave()
    after = session.dump()

    done = session.run()

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert environment(after) == environment(before)


@pytest.mark.parametrize("shell", PLAIN)
def test_the_prompt_is_left_alone_where_the_user_wants_it_so(shell: str, tmp_path: Path):
    session = open_session(shell, tmp_path)
    set_up(session)
    session.activate(make_environment(tmp_path, "alpha"))
    during = session.prompt()
    session.leave()
    after = session.prompt()

    session.run(ENVLOCK_DISABLE_PROMPT="")

    assert during.read_text() == after.read_text() == "> "


@pytest.mark.parametrize("shell", ["bash", "bash -eu", "bash, odd", "zsh", "zsh -eu", "zsh, odd"])
def test_the_shells_options_are_as_they_were(shell: str, tmp_path: Path):
    session = open_session(shell, tmp_path)
    options = "set +o; shopt -p || true" if shell.startswith("bash") else "setopt; unsetopt"
    script = write_script(session, "hook", "set +e +u", "builtin echo options")
    places = [tmp_path / name for name in ("before", "during", "after")]
    show = [f"{{ {options}; builtin echo \"$IFS\"; }} >|'{place}'" for place in places]
    session.add(show[0])
    session.activate(make_environment(tmp_path, "alpha", scripts=(script,)))
    session.add(show[1])
    session.leave()
    session.add(show[2])

    done = session.run()

    assert (done.stdout, done.stderr) == ("options\n", "")
    assert places[0].read_text() == places[1].read_text() == places[2].read_text() != ""


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_variable_that_is_read_only_is_named_and_nothing_is_changed(shell: str, tmp_path: Path):
    session = open_session(shell, tmp_path)
    session.add("readonly KEPT=mine")
    before = session.dump()
    session.activate(make_environment(tmp_path, "alpha"))
    after = session.dump()

    done = session.run()

    assert done.stderr == ("envlock: alpha: KEPT is read-only in this shell; nothing was changed\n")
    assert environment(after) == environment(before)


def test_fish_hides_universal_variables_and_shows_them_again(tmp_path: Path):
    session = open_session("fish", tmp_path)
    session.words = replace(session.words, program=("fish",))
    session.add("set -Ux PYTHONPATH universal", "set -Ux KEPT universal")
    before = session.dump()
    session.activate(make_environment(tmp_path, "alpha"))
    during = session.dump()
    session.leave()
    after = session.dump()
    session.add("set -qg PYTHONPATH; or set -qg KEPT; or echo none is global")

    done = session.run()

    assert (done.stdout, done.stderr) == ("none is global\n", "")
    assert environment(before)["PYTHONPATH"] == "universal"
    assert environment(during)["PYTHONPATH"] == ""
    assert environment(during)["KEPT"] == "alpha's"
    assert environment(after) == environment(before)


@pytest.mark.parametrize("shell", PLAIN)
def test_a_path_with_every_odd_sign_is_found(shell: str, tmp_path: Path):
    session = open_session(shell, tmp_path)
    alpha = make_environment(tmp_path, "a 'b' \"c\" $d `e` \\ é\n*")
    session.activate(alpha)
    during = session.dump()

    done = session.run()

    assert done.stderr == ""
    assert environment(during)["PATH"].split(":")[0] == alpha.paths[0]


@pytest.mark.repetition
@pytest.mark.parametrize("shell", PLAIN)
def test_any_values_come_back_by_whatever_road(shell: str, tmp_path: Path):
    """Users, environments and scripts by chance: ENVLOCK_SHELL_COUNT of them in each shell."""
    chance = random.Random(4)
    for number in range(int(os.environ.get("ENVLOCK_SHELL_COUNT", "12"))):
        folder = tmp_path / str(number)
        session = open_session(shell, folder)
        _set_some(session, chance)
        before = session.dump()
        for _ in range(chance.randint(1, 3)):
            script = write_script(session, f"hook{len(session.lines)}", *_lines(session, chance))
            session.activate(
                make_environment(
                    folder,
                    chance.choice(["alpha", "beta"]),
                    variables=tuple((name, _value(chance)) for name in ("ONE", "TWO")),
                    unset=("THREE",),
                    scripts=(script,),
                    deactivation_scripts=(script,) if chance.random() < 0.5 else (),
                )
            )
            if chance.random() < 0.3:
                session.leave()
        session.leave()
        after = session.dump()

        done = session.run()

        assert (done.stdout, done.stderr) == ("", ""), folder
        assert environment(after) == environment(before), folder


def _set_some(session: Session, chance: random.Random) -> None:
    for name in ("ONE", "TWO", "THREE", "FOUR"):
        if chance.random() < 0.7:
            say = chance.choice([session.words.give, session.words.withhold])
            session.add(say(name, _value(chance)))


def _lines(session: Session, chance: random.Random) -> list[str]:
    words = session.words
    lines = [
        chance.choice([words.give(name, _value(chance)), words.withhold(name, _value(chance))])
        for name in chance.sample(["ONE", "THREE", "FOUR", "FIVE", "six"], 3)
    ]
    return [*lines, "true"]


def _value(chance: random.Random) -> str:
    return "".join(chance.choices(ODD + "abc", k=chance.randint(0, 9)))


# --- cmd ------------------------------------------------------------------------------------------


def test_cmd_enters_and_leaves(tmp_path: Path):
    """Under Wine, whose cmd is another one than Windows', but reads the same language."""
    wine = shutil.which("wine")
    if wine is None:
        pytest.skip("wine is not installed: there is no cmd here")
    (tmp_path / "bin").mkdir()
    (tmp_path / "enter.bat").write_bytes(_drive(tmp_path, Shell.CMD))
    (tmp_path / "leave.bat").write_bytes(format_deactivation(Shell.CMD).encode())
    (tmp_path / "hook.bat").write_bytes(b"@set HOOK=ran\r\n@exit /b 0\r\n")
    (tmp_path / "unhook.bat").write_bytes(b"@set HOOK=\r\n@exit /b 0\r\n")
    lines = [
        '@set PYTHONPATH=a "quoted & b" %%x  tail',
        "@set >before",
        *("@call enter.bat", "@set >during", "@call enter.bat", "@call leave.bat"),
        *("@set >after", "@call leave.bat", "@set >again"),
    ]
    (tmp_path / "all.bat").write_bytes("\r\n".join(lines).encode())
    settings = {"WINEPREFIX": str(tmp_path / "wine"), "WINEDEBUG": "-all"}

    done = subprocess.run(
        [wine, "cmd", "/c", "all.bat"],
        cwd=tmp_path,
        env=os.environ | settings,
        capture_output=True,
        check=False,
        timeout=300,
    )

    before, during, after, again = (
        (tmp_path / name).read_text().splitlines()
        for name in ("before", "during", "after", "again")
    )
    folder = f"Z:{tmp_path}".replace("/", "\\")
    assert done.returncode == 0
    assert after == again == before
    assert {"HOOK=ran", "ODD=50% & a^b|c <d> (e)!", "PROMPT=(alpha) $P$G"} <= set(during)
    assert next(line for line in during if line.startswith("PATH=")).startswith(
        f"PATH={folder}\\bin;C:\\"
    )
    assert not [line for line in during if line.startswith("PYTHONPATH=")]
    assert NOT_COMPARED


def _drive(folder: Path, shell: Shell) -> bytes:
    place = f"Z:{folder}".replace("/", "\\")
    activation = Activation(
        prefix=place,
        name="alpha",
        paths=(f"{place}\\bin",),
        variables=(("ODD", "50% & a^b|c <d> (e)!"),),
        unset=("PYTHONPATH",),
        scripts=(f"{place}\\hook.bat",),
        deactivation_scripts=(f"{place}\\unhook.bat",),
    )
    return format_activation(activation, shell).encode()
