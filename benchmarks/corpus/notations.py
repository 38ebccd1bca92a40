"""The notations in which a secret stands in files, programs and logs: shells, settings, markup, languages, requests.

A template holds `{s}` for the value and one spelling of the name: `{n}` as_snake, `{c}` asCamel, `{p}` AsPascal,
`{u}` AS_CONSTANT, `{k}` as-option. In a template `{{` is a brace.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Notation(NamedTuple):
    """A way of writing a name and its value."""

    id: str
    group: str
    template: str


GROUPS: dict[str, dict[str, str]] = {
    "shell": {
        "export": "export {u}={s}",
        "quoted": 'export {u}="{s}"',
        "single": "{u}='{s}' ./deploy.sh --dry-run",
        "default": ': "${{{u}:={s}}}"',
        "fish": "set -x {u} {s}",
        "csh": "setenv {u} {s}",
        "setx": "setx {u} {s}",
        "powershell": '$env:{u} = "{s}"',
        "option": "deploy --{k} {s} --verbose",
        "option-equals": "deploy --{k}={s} --verbose",
        "heredoc": "{n} = <<EOT\n{s}\nEOT\n",
    },
    "settings": {
        "ini": "[service]\n{n} = {s}\ntimeout = 30\n",
        "ini-quoted": '{c}="{s}"',
        "ini-camel": "{c} = {s}",
        "properties": "app.{n}={s}",
        "toml": '{n} = "{s}"',
        "env": "HOST=localhost\n{u}={s}\nPORT=80\n",
        "dockerfile": "ENV {u} {s}",
        "dockerfile-equals": "ENV {u}={s}",
        "hcl": '  {n} = "{s}"',
        "java-define": "java -D{n}={s} -jar app.jar",
    },
    "json": {
        "pretty": '{{\n    "{n}": "{s}"\n}}',
        "compact": '{{"{c}":"{s}","id":7}}',
        "escaped": '\\{{\n    \\"{n}\\": \\"{s}\\"\n\\}}',
        "twice": '"{{\\\\\\"{n}\\\\\\": \\\\\\"{s}\\\\\\"}}"',
        "unicode": "{{\\u0022{n}\\u0022:\\u0022{s}\\u0022}}",
        "pair": '{{\n    "name": "{n}",\n    "value": "{s}"\n}}',
        "list": '{{"{n}": [\n    "{s}"\n]}}',
    },
    "yaml": {
        "plain": "{n}: {s}",
        "single": "{n}: '{s}'",
        "double": '{n}: "{s}"',
        "literal": "{n}: |\n  {s}\n",
        "folded": "{n}: >-\n  {s}\n",
        "list": "  - {u}={s}",
        "pair": '- name: {u}\n  value: "{s}"',
        "anchor": "{n}: &shared {s}",
    },
    "xml": {
        "element": "<{c}>{s}</{c}>",
        "lines": "<{c}>\n    {s}\n</{c}>",
        "namespace": "<cfg:{c}>{s}</cfg:{c}>",
        "cdata": "<{c}><![CDATA[{s}]]></{c}>",
        "attribute": '<service {c}="{s}" timeout="3"/>',
        "entry": '<entry name="{c}" value="{s}" />',
        "add": '<add key="{p}" value="{s}"/>',
        "elements": '<entry>\n  <name="{c}" />\n  <value="{s}" />\n</entry>',
        "property": "<property>\n  <name>{n}</name>\n  <value>{s}</value>\n</property>",
        "plist": "<key>{c}</key>\n<string>{s}</string>",
    },
    "csharp": {"string": 'string {c} = "{s}";', "const": 'private const string {p} = @"{s}";'},
    "go": {
        "var": 'var {c} string = "{s}"',
        "short": '{c} := "{s}"',
        "raw": "{c} := `{s}`",
        "field": '\t{p}: "{s}",',
        "setenv": 'os.Setenv("{u}", "{s}")',
    },
    "java": {
        "string": 'String {c} = "{s}";',
        "final": 'static final String {u} = "{s}";',
        "put": 'map.put("{c}", "{s}");',
    },
    "kotlin": {"val": 'val {c} = "{s}"', "typed": 'var {c}: String = "{s}"'},
    "php": {
        "append": '${c} .= "{s}"',
        "coalesce": '${c} ??= "{s}"',
        "define": "define('{u}', '{s}');",
        "array": "    '{n}' => '{s}',",
        "index": "$config['{n}'] = '{s}';",
    },
    "python": {
        "single": "{c} = '{s}'",
        "double": '{n} = "{s}"',
        "environment": 'os.environ["{u}"] = "{s}"',
        "argument": 'client = Client({n}="{s}", timeout=3)',
        "bytes": '{u} = b"{s}"',
        "annotated": '{n}: str = "{s}"',
        "default": 'os.environ.get("{u}", "{s}")',
        "compare": 'if request.{n} == "{s}":',
    },
    "ruby": {"hash": '  :{n} => "{s}",', "logstash": '  "{c}" => "{s}"', "or": "{n} ||= '{s}'"},
    "javascript": {
        "const": "const {c} = '{s}';",
        "property": "  {c}: '{s}',",
        "template": "const {c} = `{s}`;",
        "fallback": 'const key = process.env.{u} || "{s}";',
        "different": 'if ({c} !== "{s}") {{',
    },
    "rust": {"const": 'const {u}: &str = "{s}";'},
    "c": {"define": '#define {u} "{s}"', "array": 'const char {n}[] = "{s}";'},
    "make": {
        "recursive": '{u} = "{s}"',
        "simple": '{u} := "{s}"',
        "posix": '{u} ::= "{s}"',
        "immediate": '{u} :::= "{s}"',
        "conditional": '{u} ?= "{s}"',
        "append": '{u} += "{s}"',
        "plain": "{u} := {s}",
    },
    "table": {"row": "{c},{s},", "row-quoted": '"{c}","{s}","x"'},
    "request": {
        "header": "X-{p}: {s}",
        "query": "GET /v1/items?page=2&{n}={s}&sort=asc HTTP/1.1",
        "form": "grant_type=refresh&{n}={s}",
        "encoded": "body=%7B%22{n}%22%3A%22{s}%22%7D",
        "curl": "curl -H 'X-{p}: {s}' https://api.example.com/v1",
    },
    "html": {
        "entities": "{{&quot;{c}&quot;:&quot;{s}&quot;}}",
        "numeric": "{{&#34;{n}&#34;: &#34;{s}&#34;}}",
        "data": '<div data-{k}="{s}"></div>',
    },
    "log": {
        "pair": "2024-05-01 12:00:00 INFO connected {n}={s} retries=3",
        "colon": "12:00:00.123 DEBUG [main] {p}: {s}",
        "colours": "\x1b[32m{n}\x1b[0m=\x1b[1m{s}\x1b[0m done",
        "map": "config loaded: {{host=a, {c}={s}, port=80}}",
        "repr": "Settings(host='a', {n}='{s}')",
    },
    "sql": {"set": "SET {n} = '{s}';"},
}  # fmt: skip

NOTATIONS: tuple[Notation, ...] = tuple(
    Notation(f"{group}-{name}", group, template)
    for group, templates in GROUPS.items()
    for name, template in templates.items()
)


def write(notation: Notation, name: str, value: str) -> str:
    """The name and the value in the notation. The name is in snake_case; what is in capitals or has a '-' stays so."""
    words = re.split(r"[_\-. ]+", name)
    pascal = "".join(word[:1].upper() + word[1:] for word in words)
    return notation.template.format(
        s=value,
        n=name,
        c=pascal[:1].lower() + pascal[1:] if not name.isupper() else name,
        p=pascal if not name.isupper() else name,
        u=name.upper().replace("-", "_"),
        k=name.lower().replace("_", "-"),
    )
