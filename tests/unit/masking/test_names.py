"""Named values and structures: found in the notations people use, and not where the name or the value is harmless."""

from __future__ import annotations

import pytest

from hstore.masking import telling_name

NOTATIONS = {
    "shell": 'export {N}={V}', "ini": "{n} = {V}", "json": '{{"{n}": "{V}", "b": 1}}', "compact": '{{"{n}":"{V}"}}',
    "yaml": "{n}: {V}", "yaml quoted": "{n}: '{V}'", "xml": "<{n}>{V}</{n}>", "xml attribute": '<db {n}="{V}"/>',
    "xml pair": '<add key="{n}" value="{V}" />', "csharp": 'string {n} = "{V}";', "go": '{n} := "{V}"',
    "go typed": 'var {n} string = "{V}"', "java": 'static final String {N} = "{V}";',
    "kotlin": 'val {n}: String = "{V}"',
    "php define": "define('{N}', '{V}');", "php array": "'{n}' => '{V}',", "php index": "$c['{n}'] = '{V}';",
    "python": "{N} = '{V}'", "python environment": 'os.environ["{N}"] = "{V}"', "python call": 'client({n}="{V}")',
    "makefile": "{N} := {V}", "makefile default": "{N} ?= {V}", "log": "12:00 INFO using {n}={V} retry=3",
    "log colon": "DEBUG {n}: {V}", "option": "tool --{o} {V} --more", "option equals": "tool --{o}={V}",
    "option words": "tool\0--{o}\0{V}\0--more", "query": "GET /x?{n}={V}&a=b HTTP/1.1", "ruby": ':{n} => "{V}"',
    "rust": 'let {n}: &str = "{V}";', "dockerfile": "ENV {N} {V}", "escaped json": '"{{\\"{n}\\": \\"{V}\\"}}"',
    "c define": '#define {N} "{V}"', "setter": '.set{C}("{V}")', "kubernetes": "- name: {N}\n  value: \"{V}\"",
    "sql": "ALTER USER x WITH {N} '{V}'", "coloured": "\x1b[1m{n}\x1b[0m=\x1b[32m{V}\x1b[0m", "header": "X-{H}: {V}",
    "json spaced": '"{n}" : "{V}"', "tab": "{n}\t=\t{V}", "crlf": "{n}={V}\r\n",
    "template": "`{n}=${{x}}` {n}: `{V}`",
}  # fmt: skip
NAMES = (
    "password",
    "db_password",
    "api_key",
    "access_token",
    "client_secret",
    "secret_key",
    "auth_token",
    "stripe_key",
)


@pytest.mark.parametrize("notation", NOTATIONS)
def test_a_drawn_value_is_found_behind_a_telling_name(samples, masker, notation):
    """Each telling name in each notation; base62, hex and base64 values."""
    values = (samples.letters(32), samples.letters(40, "0123456789abcdef"), samples.letters(38) + "+/")
    for name in NAMES:
        for value in values:
            title = name.title()
            text = NOTATIONS[notation].format(
                n=name,
                N=name.upper(),
                o=name.replace("_", "-"),
                H=title.replace("_", "-"),
                C=title.replace("_", ""),
                V=value,
            )
            assert value[3:] not in masker.mask_text(text), text


@pytest.mark.parametrize("notation", [key for key in NOTATIONS if key != "header"])
def test_a_plain_password_is_found(masker, notation):
    """Behind password and its kin the value may be what people think up."""
    for value in ("hunter2", "Tr0ub4dor&3", "s3cr3t!", "P4ssw0rd"):
        if "&" in value and notation in {"xml", "query", "shell", "python"}:
            continue
        text = NOTATIONS[notation].format(n="password", N="PASSWORD", o="password", C="Password", H="", V=value)
        assert value not in masker.mask_text(text), text


HARMLESS = (
    "MAX_TOKENS=100", "max_tokens: 4096", "total_tokens=1234567", "tokens per second: 123.45", "password: required",
    "token = get_token()", "api_key=os.environ['API_KEY']", "password=${DB_PASSWORD}", "password: {{ vault_pw1 }}",
    "API_KEY=<your-key>", "token=xxxxxxxxxxxxxxxxxxxx", "secret: null", "SECRET=None", "key=/etc/ssl/private/key.pem",
    "SSH_AUTH_SOCK=/tmp/ssh-a1B2/agent.123", "key: sha256:" + "0a1b2c3d" * 8, "commit " + "0a1b2c3d4e" * 4,
    "password = user.password", "token_type: bearer", "PWD=/home/user/project1", "tokenizer=bert-base-uncased-v2",
    "cache_key: " + "0a1b2c3d4e" * 4, "public_key = AAAAB3NzaC1yc2E0a1b2c3d", "primary_key=id123456",
    "author: A B <a@b.c>",
    "Password must be at least 8 characters long", "https://host:8080/path", "git@host:foo/bar.git",
    "ssh://git@host:22/r",
    "key_id=ABCDEF1234567890", "keyboard=us101-intl-2", "monkey: b4n4n4s1234567", "if token == 'abc'",
    "def f(password: str = None)", "self.token = token", "print('password incorrect')", "auth: required",
    "postgres://localhost:5432/db", "--user 1000:1000", "docker run -u app:app x", "key = config['key1']",
    "PASSWORD_FILE=/run/secrets/db1", "token: string;", "secretName: my-app-tls-v2", "access_token=$TOKEN",
    "password=%s", "password=***", "password=", "password=\n", "private_key_path=/x/y1", "KEY=value1", "token=abc",
    "password = input('Enter password: ')", "const token = await getToken(user1)", "key: build-linux-x64-v3",
    "    pass: 15", "passed: 15 failed: 0", "credentials: 'include'", "api_key: !vault |",
    "secretKeyRef:\n  name: db-1",
    "123e4567-e89b-12d3-a456-426614174000", "Authorization: Bearer <token>", "Authorization: Bearer $TOKEN",
    "https://user:${PASSWORD}@host/", "https://user:<password>@host/", "curl -u user:$PASS https://x",
    "curl -u user https://x",
    "-----BEGIN CERTIFICATE-----\nMIIabc\n-----END CERTIFICATE-----",
    "-----BEGIN PUBLIC KEY-----\nMIIabc\n-----END PUBLIC KEY-----",
    "npm_config_cache=/root/.npm", "password: [masked:password]", "next_page_token=abc",
    "session opened for user root(uid=0)",
)  # fmt: skip


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless_text_stays(masker, text):
    """Placeholders, references, code, counts, paths, hashes and public things are not secrets."""
    assert masker.mask_text(text) is text


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("https://u:p4ss@h/x", "https://u:[masked:url-password]@h/x"),
        ("https://u:p@ss@h/x", "https://u:[masked:url-password]@h/x"),
        ("redis://:p4ss@h:6379/0", "redis://:[masked:url-password]@h:6379/0"),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic [masked:authorization]"),
        ('-H "Authorization: token 0123456789abcdef"', '-H "Authorization: token [masked:authorization]"'),
        ("curl -u user:pass https://h", "curl -u user:[masked:curl-user] https://h"),
        ("curl --user 'me:p w' h", "curl --user 'me:[masked:curl-user]' h"),
        ("curl\0-u\0user:pass\0--password\0hunter2\0x",
        "curl\0-u\0user:[masked:curl-user]\0--password\0[masked:password]\0x"),
        ("curl \\\n  -u user:pass", "curl \\\n  -u user:[masked:curl-user]"),
        ("?sig=a1B2c3D4e5F6g7H8%2Fx%3D&x=1", "?sig=[masked:signature]&x=1"),
        ("--password\0a b \"c\" 1\0next", "--password\0[masked:password]\0next"),
    ],
)  # fmt: skip
def test_credentials_in_structures_are_found(masker, text, masked):
    """URLs, headers, curl and signed queries: the secret goes, what stands around it stays."""
    assert masker.mask_text(text) == masked


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\\n", "\n    ", " "])
@pytest.mark.parametrize("label", ["RSA PRIVATE KEY", "PRIVATE KEY", "OPENSSH PRIVATE KEY", "PGP PRIVATE KEY BLOCK"])
def test_private_keys_are_found_in_any_layout(samples, masker, newline, label):
    """Lines, CRLF, escaped, indented, in one line; what follows is shown."""
    assert masker.mask_text(f"a {samples.pem(label, newline)} b") == "a [masked:private-key] b"


def test_an_encrypted_key_has_headers_and_a_blank_line(samples, masker):
    """The blank line behind a block's headers does not end it."""
    pem = samples.pem().replace("KEY-----\n", "KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n", 1)
    assert masker.mask_text(f"{pem}\nrest") == "[masked:private-key]\nrest"


@pytest.mark.parametrize(
    ("name", "telling"),
    [
        ("GITHUB_TOKEN", True), ("AWS_SECRET_ACCESS_KEY", True), ("DB_PASSWORD", True), ("MYSQL_PWD", True),
        ("STRIPE_KEY", True), ("clientSecret", True), ("PGPASSWORD", True), ("DB_PASS", True), ("SECRET", True),
        ("MAX_TOKENS", False), ("SSH_AUTH_SOCK", False), ("AWS_ACCESS_KEY_ID", False), ("KEY_FILE", False),
        ("TLS_KEY_PATH", False), ("PATH", False), ("HOME", False), ("PWD", False), ("OLDPWD", False), ("", False),
        ("TOKENIZERS_PARALLELISM", False), ("KEYBOARD", False), ("PUBLIC_KEY", False), ("é_TOKEN\udc80", True),
    ],
)  # fmt: skip
def test_telling_names_of_variables(name, telling):
    """What a variable is called says whether its value is registered as a secret."""
    assert telling_name(name) is telling
