"""Files of rules: what they may say, and how each mistake is told: file, line, rule and field."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hstore import Store
from hstore.config import settings
from hstore.errors import InvalidInput
from hstore.location import project_rules, rule_files, user_rules
from hstore.masking import Masker
from hstore.masking._rule_blob import class_names
from hstore.masking.allow_list import allow, disallow
from hstore.masking.catalogue import catalogue
from hstore.masking.explaining import explain
from hstore.masking.rules import Rules
from hstore.masking.surroundings import masker_for, secrets_of

TOKEN = '[[token]]\nid = "acme-key"\nanchors = ["acme_"]\nclass = "alnum"\nmin = 20\n'
NAME = '[[name]]\nid = "acme-pin"\nnames = ["acme_pin"]\nkind = "password"\n'
VALUE = "acme-value-4711"


@pytest.fixture
def file(tmp_path):
    """Writes a file of rules and returns its path."""

    def write(text, name="masking.toml"):
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return write


def refusal_of(path):
    """The message with which a file is refused, without its folder."""
    with pytest.raises(InvalidInput) as caught:
        Rules.read(path).ruleset()
    return str(caught.value).replace(os.path.dirname(os.path.realpath(path)) + os.sep, "")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[token]\n", "masking.toml: no valid TOML: "),
        ("a = [1,\n\n= 2]\n", "line 3"),
        ('[[rules]]\nid = "x"\nregex = "a+"\n', "masking.toml: rules: one table [rules], not a list; a rule"),
        ('[values]\npin = "x"\n', "masking.toml: values: a secret does not stand in a file: put it into"),
        ('[[value]]\ntext = "x"\n', "masking.toml: value: a secret does not stand in a file"),
        ('[enviroment]\nnames = ["A"]\n', "masking.toml: enviroment: unknown; did you mean environment?"),
        ("token = 3\n", "masking.toml: token: each one is a table of its own, [[token]]"),
        ("[token]\n", "masking.toml: token: each one is a table of its own, [[token]]"),
        (TOKEN + 'regex = "a+"\n', "masking.toml:1: token 'acme-key': regex: there are no regular expressions"),
        (TOKEN + "entropy = 3.5\n", "masking.toml:1: token 'acme-key': entropy: give distinct"),
        (TOKEN + 'keywords = ["a"]\n', "keywords: there are no keywords"),
        (TOKEN + 'shapes = ["alnum{8}"]\n', "token 'acme-key': shapes: only built-in rules have shapes"),
        (TOKEN + 'before = "digit{8}"\n', "before: only built-in rules look at what stands before"),
        (TOKEN + 'allow = ["x"]\n', "allow: a false alarm is an [[allow]] table of its own"),
        (TOKEN + 'anchor = "a"\n', "anchor: unknown; did you mean anchors?"),
        ("\n# one\n" + TOKEN + "\n" + TOKEN.replace('"acme-key"', '"Acme"'), "masking.toml:9: token 'Acme': id: 2 to"),
        (TOKEN.replace('id = "acme-key"\n', ""), "masking.toml:1: token 1: id: is missing"),
        (TOKEN.replace("acme-key", "github-pat"), "token 'github-pat': id: taken by a built-in rule"),
        (TOKEN.replace("acme-key", "value"), "id: taken by a built-in rule"),
        (TOKEN + TOKEN, "masking.toml:6: token 'acme-key': id: taken by masking.toml:1: token 'acme-key'"),
        (TOKEN + NAME.replace("acme-pin", "acme-key"), "masking.toml:6: name 'acme-key': id: taken by"),
        (TOKEN.replace('anchors = ["acme_"]\n', ""), "anchors: is missing"),
        (TOKEN.replace('["acme_"]', '"acme_"'), 'anchors: a list of texts, as ["first", "second"]'),
        (TOKEN.replace('["acme_"]', "[]"), "anchors: at least one text"),
        (TOKEN.replace('["acme_"]', '["ac"]'), "anchors: 'ac': 3 to 32 characters"),
        (TOKEN.replace('["acme_"]', '["a b c"]'), "anchors: 'a b c': ASCII without spaces"),
        (TOKEN.replace('["acme_"]', '["schlüssel"]'), "anchors: 'schlüssel': ASCII"),
        (TOKEN.replace('["acme_"]', '["[masked:x"]'), "marks' own text"),
        (TOKEN.replace('"alnum"', '"letters"'), "class: unknown; there is a-to-h, alnum, "),
        (TOKEN.replace('class = "alnum"\n', ""), "class: either class"),
        (TOKEN + 'characters = "a-z"\n', "class: either class"),
        (TOKEN.replace('class = "alnum"', 'characters = "z-a"'), "characters: 'z-a': the range runs backwards"),
        (TOKEN.replace('class = "alnum"', 'characters = "a-z "'), "characters: ' ' cannot be part of a token"),
        (TOKEN.replace('class = "alnum"', 'characters = "a-z["'), "characters: '[' cannot be part of a token"),
        (TOKEN.replace('class = "alnum"', 'characters = "x"'), "characters: characters and ranges"),
        (TOKEN.replace("min = 20", "min = 7"), "min: a number from 8 to 200"),
        (TOKEN.replace("min = 20", "min = true"), "min: a number from 8 to 200"),
        (TOKEN.replace("min = 20", 'min = "20"'), "min: a number from 8 to 200"),
        (TOKEN + "max = 10\n", "max: less than min"),
        (TOKEN + "distinct = 21\n", "distinct: more than min"),
        (TOKEN + "digit = 1\n", "digit: true or false"),
        (TOKEN + 'inner = "012345678901234567890"\n', "inner: longer than min"),
        (NAME.replace('["acme_pin"]', '["pi"]'), "name 'acme-pin': names: 'pi': 3 to 32 characters"),
        (NAME.replace('["acme_pin"]', '["acme pin"]'), "names: 'acme pin': a name has ASCII letters"),
        (NAME.replace('["acme_pin"]', '["123"]'), "a letter among them"),
        (NAME.replace('"password"', '"pin"'), "kind: one of password, secret, token, key"),
        ('[[allow]]\ntext = ""\n', "masking.toml:1: allow 1: text: 1 to 1024 bytes"),
        ('[[allow]]\ntext = "a\\nb"\n', "text: one line without control characters"),
        ('[[allow]]\ntext = "[masked:password]"\n', "text: a mark is no false alarm"),
        ('[[allow]]\ntext = "abc"\nrule = "passwort"\n', "rule: no rule has that id; did you mean password?"),
        ('[rules]\noff = ["qqqq"]\n', "[rules]: off: no rule has that id; `hstore mask --list` shows them"),
        ('[rules]\noff = ["mark"]\n', "off: no rule has that id"),
        ('[environment]\nnames = ["*"]\n', "masking.toml: [environment]: names: '*': would take every variable"),
        ('[environment]\nnames = ["A-B"]\n', "names: 'A-B': a name has letters"),
        ('[environment]\ncommand = ["x"]\n', "command: a file of rules runs no command"),
    ],
)  # fmt: skip
def test_what_cannot_be_expressed_is_refused_by_name(file, text, message):
    """The message names the file, the line where there is one, the rule, the field, and what to do."""
    assert message in refusal_of(file(text))


def test_a_secret_in_the_wrong_place_is_not_repeated_in_the_message(file, samples):
    """Whoever pastes a whole token as an anchor or a name does not find it in a log of errors."""
    pasted = samples.token("gitlab-pat") + samples.letters(30)
    for text in (
        TOKEN.replace("acme_", pasted),
        NAME.replace("acme_pin", pasted),
        f'[environment]\nnames = ["{pasted}"]\n',
        TOKEN.replace("acme-key", pasted * 2),
        f'[[allow]]\ntext = "{pasted * 30}"\n',
    ):
        assert pasted[12:40] not in refusal_of(file(text))


def test_what_is_no_file_of_rules_is_refused(file, tmp_path):
    """Missing, a folder, no UTF-8, far too large, or no path at all."""
    assert "cannot be read: No such file" in refusal_of(str(tmp_path / "none.toml"))
    assert "cannot be read" in refusal_of(str(tmp_path))
    (tmp_path / "latin.toml").write_bytes(b"# \xe9")
    assert "not UTF-8" in refusal_of(str(tmp_path / "latin.toml"))
    assert "larger than" in refusal_of(file("#" * 1_100_000))
    for wrong in (7, [7], "", ["a\0b"]):
        with pytest.raises(InvalidInput, match="rules: the path of a file"):
            Masker(rules=wrong)  # type: ignore[arg-type] # the refusal is what is tested


def test_more_than_the_tables_hold_is_refused(file):
    """Sets of characters, names, and anchors of too many different characters."""
    sets = "".join(
        TOKEN.replace("acme-key", f"k-{i}").replace('class = "alnum"', f'characters = "a-z{i:02}"') for i in range(14)
    )
    assert f"13 sets of characters, of which there can be {32 - len(class_names())}" in refusal_of(file(sets))
    names = "".join(NAME.replace("acme-pin", f"n-{i}").replace('"acme_pin"', f'"pin_a{i}"') for i in range(65))
    assert "65 names, of which there can be 64" in refusal_of(file(names))
    odd = "".join(
        TOKEN.replace("acme-key", f"k-{i}").replace("acme_", f"xy{chr(i)}")
        for i in range(33, 127)
        if chr(i) not in '"\\'
    )
    assert "anchors together are more than the tables can hold" in refusal_of(file(odd))


def test_files_add_up_and_one_given_twice_counts_once(file):
    """All of it holds, in whatever order; the same file by two paths is one file."""
    first, second = file(TOKEN, "one.toml"), file(NAME + '[rules]\noff = ["acme-key"]\n', "two.toml")
    for paths in ([first, second], [second, first, first, os.path.join(os.path.dirname(first), ".", "one.toml")]):
        masker = Masker(rules=paths)
        assert masker.mask_text("acme_pin=4711zq") == "acme_pin=[masked:acme-pin]"
        assert masker.mask_text("acme_" + "abcdefghij0123456789") == "acme_" + "abcdefghij0123456789"
    assert Masker(rules=file("")).mask_text("acme_pin=4711zq") == "acme_pin=4711zq"


def test_the_example_of_the_documentation_is_a_file_of_rules(file):
    """What docs/masking.md shows is read as it stands, and does what is said beside it."""
    text = (Path(__file__).parents[3] / "docs" / "masking.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    rules = Rules.read(file(example))
    assert rules.off == ("jwt", "acme-key")
    masker = Masker(rules=Rules.read(file(example.replace(', "acme-key"]', "]"))))
    assert masker.mask_text("acme_abcdefghT3ij01234567 acme_abcdefghijkl01234567") == (
        "[masked:acme-key] acme_abcdefghijkl01234567"
    )
    assert masker.mask_text("acme_abcdefghT3ij01234EXAMPLE") == "acme_abcdefghT3ij01234EXAMPLE"
    for name in ("ACME-PIN", "acmePin", "prod_acme_pin", "acme_pin_2"):
        assert masker.mask_text(f"{name}: 4711zq") == f"{name}: [masked:acme-pin]"
    assert masker.mask_text("acme_pin_length: 4711zq") == "acme_pin_length: 4711zq"
    assert masker.mask_text("password=hunter2-hunter2") == "password=hunter2-hunter2"


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("ACME_URL", True), ("ACME_", True), ("XACME_URL", False), ("ACME_PUBLIC_ID", False), ("acme_url", False),
        ("MY_CODE", True), ("CODE", False), ("A_MID_B", True), ("A_MID_MID_B", True), ("A_MIDB", False),
        ("API_TOKEN", True), ("CI_JOB_TOKEN", False), ("HOME", False),
    ],
)  # fmt: skip
def test_variables_are_chosen_by_pattern(file, name, secret):
    """`*` stands for anything, exceptions win, telling names go on beside them."""
    rules = Rules.read(
        file('[environment]\nnames = ["ACME_*", "*_CODE", "A_*MID*_B"]\nexcept = ["ACME_PUBLIC_*", "CI_JOB_TOKEN"]\n')
    )
    assert rules.names_a_secret(name) is secret
    assert secrets_of({name: VALUE}, rules) == ([VALUE] if secret else [])


def test_values_of_variables_that_cannot_be_masked_are_left_out(file):
    """Too short, empty, common, or a part of one's own marks: nobody is stopped by his environment."""
    rules = Rules.read(file(TOKEN + '[environment]\nnames = ["ACME_*"]\n'))
    environ = {"ACME_A": "short", "ACME_B": "", "ACME_C": "password", "ACME_D": "acme-key", "ACME_E": VALUE}
    assert secrets_of(environ, rules) == [VALUE]


# --- where files lie ------------------------------------------------------------------------------------------------


def test_the_files_of_a_place(tmp_path, monkeypatch):
    """The user's, the project's, and those of HSTORE_MASK_RULES, where they exist; named ones in any case."""
    home = tmp_path / "home"
    (home / ".heimdall").mkdir(parents=True)
    (tmp_path / ".heimdall").mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    database = str(tmp_path / ".heimdall" / "project.db")
    assert rule_files(database, settings()) == []
    users, projects = home / ".heimdall" / "masking.toml", tmp_path / ".heimdall" / "masking.toml"
    assert (user_rules(settings()), project_rules(database)) == (str(users), str(projects))
    users.touch()
    projects.touch()
    monkeypatch.setenv("HSTORE_MASK_RULES", os.pathsep.join(["/a.toml", "", "b.toml"]))
    assert rule_files(database, settings()) == [str(users), str(projects), "/a.toml", "b.toml"]
    assert rule_files(None, settings()) == [str(users), "/a.toml", "b.toml"]
    assert project_rules(str(tmp_path / "other.db")) == str(tmp_path / "other.masking.toml")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_refused(tmp_path, monkeypatch):
    """Another user could switch masking off with it; whoever means it names it."""
    path = tmp_path / "x.masking.toml"
    path.touch()
    os.chown(path, 12345, 12345)
    monkeypatch.setattr(os, "geteuid", lambda: 23456)
    with pytest.raises(InvalidInput, match="another user's"):
        rule_files(str(tmp_path / "x.db"), settings())


def test_a_store_uses_the_rules_of_its_place(tmp_path, monkeypatch):
    """What is stored is masked by them, values of the environment by pattern too."""
    (tmp_path / "project.masking.toml").write_text(NAME + '[environment]\nnames = ["ACME_*"]\n')
    monkeypatch.setenv("ACME_URL", VALUE)
    with Store.open(tmp_path / "project.db") as store:
        store.remember("a", f"acme_pin=4711zq {VALUE}")
        assert store.recall("a") == "acme_pin=[masked:acme-pin] [masked:value]"
    (tmp_path / "project.masking.toml").write_text("[[rules]]\n")
    with pytest.raises(InvalidInput, match=r"project.masking.toml: rules: "):
        Store.open(tmp_path / "project.db")


def test_no_toml_is_read_where_there_is_no_file(tmp_path):
    """Opening loads neither the TOML reader nor the modules of rules without a file, and does with one."""
    program = (
        "import sys, hstore; hstore.Store.open(sys.argv[1]).close();"
        "print('hstore.masking.rules' in sys.modules, 'tomllib' in sys.modules or 'tomli' in sys.modules)"
    )
    for expected in ("False False", "True True"):
        done = subprocess.run(
            [sys.executable, "-c", program, tmp_path / "project.db"], capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == expected
        (tmp_path / "project.masking.toml").write_text(NAME)


def test_variables_that_name_a_session_are_no_secrets():
    """The desktop's session and hstore's own are names that logs are full of."""
    environ = {"DESKTOP_SESSION": "plasma-wayland", "HEIMDAL_SESSION": "HEIMDAL-42", "SESSION_TOKEN": VALUE}
    assert secrets_of(environ) == [VALUE]


def test_without_files_the_masker_has_no_rules_of_its_own():
    """Values come from telling names alone."""
    masker, values = masker_for([], ["given-value-1"], {"API_TOKEN": VALUE, "HOME": "/home/someone", "A_TOKEN": ""})
    assert values == ["given-value-1", VALUE]
    assert masker.mask_text(f"{VALUE} given-value-1 /home/someone") == "[masked:value] [masked:value] /home/someone"


# --- false alarms ---------------------------------------------------------------------------------------------------


def test_false_alarms_are_written_and_taken_out_again(tmp_path):
    """The rest of the file, comments and all, stays byte for byte."""
    path = str(tmp_path / "new" / "masking.toml")
    assert allow(path, ["first text", "first text", 'qu"ote \\ é'], "password", "in tests") == [
        "first text",
        'qu"ote \\ é',
    ]
    assert allow(path, ["first text"], "password") == []
    assert allow(path, ["first text"]) == ["first text"]
    assert [e.fields["text"] for e in Rules.read(path).allowed] == ["first text", 'qu"ote \\ é', "first text"]
    assert disallow(path, ["first text"], "password") == ["first text"]
    assert disallow(path, ["no such text"]) == []
    assert [(e.fields["text"], e.fields["rule"]) for e in Rules.read(path).allowed] == [
        ('qu"ote \\ é', "password"), ("first text", None),
    ]  # fmt: skip


def test_the_rest_of_the_file_stays(file):
    """Adding and taking out leaves what people wrote, where they wrote it, with their line ends."""
    before = f"# mine\r\n{TOKEN}\n[rules] # a = b\noff = []\n\n# last"
    path = file("")
    with open(path, "w", newline="") as opened:
        opened.write(before)
    os.chmod(path, 0o640)
    allow(path, ["one"])
    with open(path, "a") as opened:
        opened.write("# behind\n[environment] # a = b\nnames = ['ACME_*']\n")
    disallow(path, ["one"])
    with open(path, newline="") as opened:
        assert opened.read() == before + "\n\n# behind\n[environment] # a = b\nnames = ['ACME_*']\n"
    assert os.stat(path).st_mode & 0o777 == 0o640


def test_what_a_program_cannot_take_out_stays(file):
    """False alarms in another layout are left to whoever wrote them so; nothing is written."""
    text = 'allow = [{text = "one"}, {text = "two"}]\n'
    path = file(text)
    with pytest.raises(InvalidInput, match="only you can take them out"):
        disallow(path, ["one"])
    with open(path) as opened:
        assert opened.read() == text


@pytest.mark.parametrize("text", ["", "a\nb", "[masked:x]", "x" * 1025, "\x1b[1m", "\ud800"])
def test_texts_that_cannot_be_false_alarms(tmp_path, text):
    """They are refused before anything is written."""
    with pytest.raises(InvalidInput, match="allow: "):
        allow(str(tmp_path / "masking.toml"), [text])
    assert list(tmp_path.iterdir()) == []


def test_a_new_file_is_private(tmp_path):
    """0600, in a folder 0700: it says what looks like a secret here."""
    path = tmp_path / "new" / "masking.toml"
    allow(str(path), ["one"])
    if sys.platform != "win32":
        assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


# --- reports --------------------------------------------------------------------------------------------------------


def test_the_catalogue_lists_every_rule_once(file):
    """Built-in ones with description, source and anchors; own ones with their file; which are off."""
    path = file(TOKEN + NAME + '[rules]\noff = ["jwt", "acme-pin"]\n')
    rules = {rule.id: rule for rule in catalogue(Rules.read(path))}
    assert rules["github-pat"].anchors == ("gh" + "p_",)
    assert rules["github-pat"].source.startswith("https://")
    assert rules["acme-key"][1:4] == ("token", True, path)
    assert rules["acme-pin"].anchors == ("acme_pin",)
    assert {rule.id for rule in rules.values() if not rule.on} == {"jwt", "acme-pin"}
    assert all(rule.description for rule in rules.values() if rule.origin == "built-in")
    assert not {"mark", "curl"} & set(rules)
    assert len(catalogue()) == len(rules) - 2


def test_explaining_names_place_rule_and_reason(file, samples):
    """Line and column in characters, offset in bytes, the anchor or the name; never the secret."""
    rules = Rules.read(file(TOKEN + NAME))
    masker = Masker([VALUE], rules=rules)
    token = samples.token("github-pat")
    data = (
        f"é {token}\n\nx acme_abcdefghij0123456789 ACME_PIN: '4711zq' {VALUE}\n"
        "- name: DB_PASSWORD\n  value: geheim-77x\nhttps://u:geheim78@host/\n"
    ).encode()
    found = explain(masker, rules, data)
    assert [(f.line, f.column, f.rule, f.anchor, f.name) for f in found] == [
        (1, 3, "github-pat", "gh" + "p_", None),
        (3, 3, "acme-key", "acme_", None),
        (3, 40, "acme-pin", None, "ACME_PIN"),
        (3, 48, "value", None, None),
        (5, 10, "password", None, "DB_PASSWORD"),
        (6, 11, "url-password", None, None),
    ]
    assert [data[f.offset : f.offset + f.length].decode() for f in found] == [
        token, "acme_abcdefghij0123456789", "4711zq", VALUE, "geheim-77x", "geheim78",
    ]  # fmt: skip
    assert found[0].why == f"begins with '{'gh' + 'p_'}', {len(token)} characters"
    shown = str([f.why for f in found])
    for secret in (token[4:], "abcdefghij0123456789", "4711zq", VALUE, "geheim"):
        assert secret not in shown


def test_explaining_finds_what_masking_marks(all_kinds):
    """One finding for each mark of the masked text, of the same types in the same order, and none in clean text."""
    data = "\n".join(all_kinds).encode()
    masker = Masker()
    kinds = [piece.partition(b"]")[0].decode() for piece in masker.mask(data).split(b"[masked:")[1:]]
    assert [finding.rule for finding in explain(masker, None, data)] == kinds
    assert explain(masker, None, b"nothing here\n") == []
