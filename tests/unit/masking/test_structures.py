"""Credentials in structure: addresses, commands, headers, Kubernetes' Secrets; and what ends an unquoted value."""

from __future__ import annotations

import base64
import json
import random

import pytest

from hstore.masking import Masker

DRAWN = "k7Qz2Wm9Xr4Tb1Vn8Yp3Lc6D"
"""Looks drawn; stands for a token in the texts below."""


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (f"https://{DRAWN}@git.example.com/a.git", "https://[masked:url-password]@git.example.com/a.git"),
        (f"https://{DRAWN}:x-oauth-basic@git.example.com", "https://[masked:url-password]@git.example.com"),
        ("https://0a1b2c3d:4e5f6a7b@gems.example.com/", "https://[masked:url-password]@gems.example.com/"),
        ("amqp://app:p4ss/w@h", "amqp://app:p4ss/w@h"),
        ("https://app:s3cr3t!@h", "https://app:[masked:url-password]@h"),
    ],
)
def test_a_token_in_an_address_goes(text, masked):
    """As the user alone, as the user before a fixed password, and as two halves; a plain user stays."""
    assert Masker().mask_text(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "https://registry.internal.example.com:8443/v2/", "ssh://git@host.example:22/r.git", "http://localhost:3000",
        "https://a1b2c3d4e5f6a7b8c9.cdn.example.com/x", "https://user:password@example.com", "https://user:${PW}@h",
        "ftp://anonymous@ftp.example.com/pub", "https://a1b2c3d4e5f6a7b8c9.cdn.example.com:8080\n",
    ],
)  # fmt: skip
def test_an_address_without_credentials_stays(text):
    """Hosts, ports, plain users and placeholders are no secrets."""
    assert Masker().mask_text(text) == text


def test_a_token_in_an_address_is_never_shown_in_part():
    """S2: what may be a token is held from its first character on."""
    stream = Masker().stream()
    shown = b"".join(stream.feed(bytes([byte])) for byte in f"https://{DRAWN}".encode())
    assert shown == b"https://"
    assert stream.feed(b"@h") + stream.finish() == b"[masked:url-password]@h"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("sshpass -p {} ssh a@b", "sshpass -p [masked:command-password] ssh a@b"),
        ("sshpass -p '{}' ssh a@b", "sshpass -p '[masked:command-password]' ssh a@b"),
        ("mysql -u root -p{} app", "mysql -u root -p[masked:command-password] app"),
        ("mysqldump --host=db -p'{}' app", "mysqldump --host=db -p'[masked:command-password]' app"),
        ("mysql\0-uroot\0-p{}\0app", "mysql\0-uroot\0-p[masked:command-password]\0app"),
        ("redis-cli -h cache -a {} ping", "redis-cli -h cache -a [masked:command-password] ping"),
        ("docker login -u me -p {} r.example.com", "docker login -u me -p [masked:command-password] r.example.com"),
        ("curl -u ':{}' https://h", "curl -u ':[masked:curl-user]' https://h"),
        ("curl --user me:'{}' https://h", "curl --user me:'[masked:curl-user]' https://h"),
        ("java -Dpassword={} -jar a.jar", "java -Dpassword=[masked:password] -jar a.jar"),
        ("setx DB_PASSWORD {}", "setx DB_PASSWORD [masked:password]"),
        ("set -x DB_PASSWORD {}", "set -x DB_PASSWORD [masked:password]"),
        ("machine h login me password {}\n", "machine h login me password [masked:password]\n"),
        ("requirepass {}\n", "requirepass [masked:password]\n"),
        ("masterauth {}\n", "masterauth [masked:password]\n"),
    ],
)
def test_passwords_in_commands_and_settings_with_gaps_are_found(text, masked):
    """Options of one letter count behind the programs that take passwords so."""
    assert Masker().mask_text(text.format("hX7!qZ2m")) == masked


@pytest.mark.parametrize(
    "text",
    [
        "mysql -u root -p app", "mysql -u root -p", "mysql -P 3306 -h db", "sshpass -p $PASS ssh a@b",
        "ssh -p 2222 host",
        "redis-cli -p 6379 ping", "docker run -p 8080:80 nginx", "docker login -u me --password-stdin",
        "mkdir -p a1b2c3",
        "mysql -p$MYSQL_PWD app", "curl -u user:password https://h", "curl -u 'test:test' https://h",
        "login failed, password wrong again", "curl -u \":\" https://h", "requirepass is not set", "mysqld -p",
    ],
)  # fmt: skip
def test_options_that_are_no_passwords_stay(text):
    """Ports, prompts, references, placeholders and sentences."""
    assert Masker().mask_text(text) == text


HEADERS = (
    'Authorization: Digest username="me", realm="r", nonce="abc", uri="/", response="{}"',
    "Authorization: AWS4-HMAC-SHA256 Credential=x/y, SignedHeaders=host, Signature={}",
    "Private-Token: {}", "X-Api-Key: {}", "X-Vault-Token: {}", "Proxy-Authorization: Basic {}",
    "curl -H 'Authorization: Api-Token {}' https://h", 'curl --header "apikey: {}" https://h',
    "GET /x?X-Amz-Signature={}&X-Amz-Date=20240501 HTTP/1.1", "GET /x?X-Goog-Signature={} HTTP/1.1",
    "X-Amz-Security-Token={}&x=1", "Cookie: lang=en; connect.sid={}; a=b", "Set-Cookie: remember_me={}; Path=/",
    "Cookie: _gitlab_session={}", "Set-Cookie: .AspNetCore.Session={}; HttpOnly", "Cookie: laravel_session={}",
    "Cookie: auth_token={}; theme=dark",
)  # fmt: skip


@pytest.mark.parametrize("header", HEADERS)
def test_credentials_in_headers_and_queries_are_found(header):
    """Authorization in every scheme, key headers, session cookies, signed queries."""
    value = "".join(random.Random(3).choices("0123456789abcdef", k=32))
    assert value not in Masker().mask_text(header.format(value))


KEY = base64.b64encode(b"a password of some length").decode()
SECRETS = (
    "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\ndata:\n  extra: {}\n  more: {}\ntype: Opaque\n",
    "apiVersion: v1\ndata:\n  extra: {}\nkind: Secret\n", "kind: 'Secret'\r\ndata:\r\n  extra: '{}'\r\n",
    'kind: "secret"\ndata:\n\textra: "{}"\n', "data:\n  .dockercfg: |\n    {}\ntype: a/b\nkind: Secret\n",
    "kind: Secret\ndata:\n  # a comment\n  extra: {}", " kind: Secret\n data:\n  extra: {}\n",
)  # fmt: skip


@pytest.mark.parametrize("text", SECRETS)
@pytest.mark.parametrize("step", [1, 7, 4096])
def test_the_data_of_kubernetes_secrets_goes(text, step):
    """Before or behind the kind, quoted, indented, in block scalars; and the same in pieces."""
    whole, stream = text.replace("{}", KEY).encode(), Masker().stream()
    masked = Masker().mask(whole)
    assert KEY.encode() not in masked
    assert masked.count(b"[masked:kubernetes-secret]") == 1
    pieces = [stream.feed(whole[at : at + step]) for at in range(0, len(whole), step)]
    assert b"".join([*pieces, stream.finish()]) == masked == Masker().mask(masked)


@pytest.mark.parametrize(
    "text",
    [
        "kind: ConfigMap\ndata:\n  extra: {}\n", "data:\n  extra: {}\nkind: ConfigMap\n",
        "kind: Secret\ndata:\n  a: ''\n",
        "kind: ExternalSecret\nspec:\n  data:\n    - remote: {}\n",
        "kind: Secret\n---\nkind: ConfigMap\ndata:\n  a: {}\n",
        "kind: Secret\ndata:\n  extra: {{{{ .Values.extra }}}}\n", "received data:\n  extra: {}\n",
    ],
)  # fmt: skip
def test_other_kinds_and_templates_stay(text):
    """Only a Secret's own data, and only where it is base64."""
    text = text.format(KEY)
    assert Masker().mask_text(text) == text


@pytest.mark.parametrize("name", ["passwords", "API_KEYS", "DB_PW", "GITHUB_PAT", "DB_PASS", "discord_client_id"])
def test_names_in_the_plural_and_short_ones_are_telling(name):
    """As in lists, and as people abbreviate."""
    assert DRAWN not in Masker().mask_text(f"{name}={DRAWN}")
    assert DRAWN not in Masker().mask_text(f'{{"{name}": ["{DRAWN}"]}}')


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ("ex4mple!Test", True), ("testing-Gr8-example", True), ("correct horse battery 9", True), ("rootpasswd", True),
        ("example", False), ("your-password-here", False), ("test", False), ("my secret password", False),
    ],
)  # fmt: skip
def test_words_of_placeholders_count_only_alone(value, masked):
    """A password that has "example" or "test" somewhere is one; a value of such words alone is none."""
    assert (value not in Masker().mask_text(f'password = "{value}"')) is masked


@pytest.mark.parametrize("value", ["p4ss;word", "p4ss,word", "p4ss&word", "p4ss(word)"])
def test_a_setting_that_fills_its_line_is_masked_whole(value):
    """Characters that end a value elsewhere belong to an unquoted one."""
    assert (
        Masker().mask_text(f"HOST=a\nDB_PASSWORD={value}\nPORT=1\n")
        == "HOST=a\nDB_PASSWORD=[masked:password]\nPORT=1\n"
    )


def test_pairs_behind_a_value_are_their_own():
    """In a list of pairs the value ends where the next pair begins."""
    text = "password=p4ssw0rd,user=me&x=1;timeout=3"
    assert Masker().mask_text(text) == "password=[masked:password],user=me&x=1;timeout=3"


@pytest.mark.parametrize("value", ['ab"cd\\12', "line\nbreak 12 x", "tab\there7", "ü-pässwörd-1"])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_json_with_escapes_stays_json(value, ascii_only):
    """The value's end is found behind its escapes, and what is left can still be read."""
    text = json.dumps({"password": value, "user": "me"}, ensure_ascii=ascii_only)
    assert json.loads(Masker().mask_text(text)) == {"password": "[masked:password]", "user": "me"}


@pytest.mark.parametrize("step", [1, 9, 4096])
def test_what_lies_far_ahead_is_found_behind_other_secrets(step):
    """The data of a Secret, and a command's password, though other secrets stand before them."""
    text = (
        f"kind: Secret\nmetadata:\n  token: {DRAWN}\ndata:\n  extra: {KEY}\n"
        f"---\nmysql --api-key={DRAWN} -phX7!qZ2m app\n"
    ).encode()
    stream = Masker().stream()
    pieces = [stream.feed(text[at : at + step]) for at in range(0, len(text), step)]
    assert b"".join([*pieces, stream.finish()]) == (
        b"kind: Secret\nmetadata:\n  token: [masked:token]\ndata:\n  extra: [masked:kubernetes-secret]\n"
        b"---\nmysql --api-key=[masked:api-key] -p[masked:command-password] app\n"
    )
