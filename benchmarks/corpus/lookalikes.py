"""Texts that only look like secrets, and must come out of a masker as they went in.

`@hex:40@` and the like are drawn at run time from the alphabets of shapes.py, `@uuid@` is a UUID: what stands there
is as random as a secret, and what stands around it says that it is none.
"""

from __future__ import annotations

import random
import re

from .shapes import ALPHABETS, UUID, draw_shape

PLACE = re.compile(r"@(?:(?P<name>[a-z0-9-]+):(?P<count>\d+)|uuid)@")

GROUPS: dict[str, tuple[str, ...]] = {
    "placeholder": (
        "API_KEY=your_api_key_here", "api_key: <your-api-key>", 'token = "<TOKEN>"', "password: changeme",
        "SECRET_KEY=change-me-in-production", "password=********", 'apiKey: "xxxxxxxxxxxxxxxxxxxxxxxx"',
        "access_token: XXXXXXXXXXXXXXXX", 'client_secret = "REDACTED"', "password: [hidden]", 'token: "..."',
        "AUTH_TOKEN=replace_with_your_token", "api_secret=INSERT_SECRET_HERE", "password = 'example'",
        'secretKey: "my-secret-key"', "API_TOKEN=dummy-token", '"password": "password"', "password: 'secret'",
        "passwd=none", "token: null", 'token: ""', "secret = nil", "PASSWORD=", "password: ~", "api_key = undefined",
        "password: required", "token: true", "auth_token=false", "password = 'string'", "PASSWORD=<password>",
        "api-key: TODO", "token: tbd", "secret: not-a-real-secret", '"apiKey": "YOUR-API-KEY"',
        "key = 'abcdefghijklmnopqrstuvwxyz0123456789'", "DB_PASSWORD=placeholder", 'password: "enter your password"',
    ),
    "reference": (
        "password: ${DB_PASSWORD}", "API_KEY=$API_KEY", 'token: "{{ vault_token }}"', "secret: {{ .Values.secret }}",
        "password=%DB_PASSWORD%", "token: ${{ secrets.DEPLOY_TOKEN }}", "apiKey: process.env.API_KEY",
        'password = os.environ["DB_PASSWORD"]', 'token = getenv("GITHUB_TOKEN")', "password = config.password",
        "secret = self.settings.secret_key", "api_key = var.api_key", "password = data.vault_secret.db.password",
        "token=$(cat /run/secrets/token1)", "PASSWORD=`pass show db/prod`", "auth: !secret deploy_auth_1",
        "password: !vault |", "password = random_password.db.result", "token = response.json()['token']",
        "key: $ref", "password=@db.password@", "api_key=#{api_key}", "token: <%= ENV['TOKEN'] %>", "secret: %(secret)s",
        "token={0}", "password={password!r}", "api_key=%s", "f'token={token}'", "password=:password",
        "administrator_login_password = var.sql_password", "credentials = file(var.credentials_path)",
        "curl -u $USER:$PASSWORD https://example.com", 'curl -H "Authorization: Bearer $TOKEN" https://example.com',
        "curl -H 'Authorization: Bearer <token>' https://example.com", "curl -u '${U}:${P}' https://example.com",
        'curl -H "X-Api-Key: {{api_key}}" https://example.com', "https://user:${PASSWORD}@example.com/repo.git",
        "postgres://app:$DB_PASS@db/app", "https://$GITHUB_TOKEN@github.com/a/b.git", "mysql -u root -p$MYSQL_PWD",
        "https://<user>:<password>@example.com", "redis://:{{ password }}@cache:6379",
    ),
    "count": (
        "MAX_TOKENS=100", "max_tokens: 4096", '"total_tokens": 18273', "tokens per second: 123.45", "num_tokens=16384",
        "token_count=99", "password_min_length = 12", "KEY_SIZE=2048", "key_length: 256", "session_timeout=3600",
        "passwordAttempts = 3", "token_ttl: 86400", "secretVersion: 7", "keys: 15", "passed: 15, failed: 0",
        "prompt_tokens=1234567", "completion_tokens: 987654", "tokens: 123456789", "keepalive_passes = 10",
        "PuttyPassword=0", "sequenceKey = \"18\"", "auth_retries=5", "PASS 128 tests", "pass: 15", "    pass 12",
        "MAX_PASSWORD_LENGTH = 64", "key_version = 20240501", "token expires in 3600 seconds", "cache_keys=812934",
    ),
    "identifier": (
        "report_access_id: @uuid@", "clientId = \"@uuid@\"", "request_id=@uuid@", "x-request-id: @uuid@",
        "credentialsId: '@uuid@'", "<UserSecretsId>@uuid@</UserSecretsId>", "tenant_id: @uuid@", "trace_id=@hex:32@",
        "correlation-id: @uuid@", "object_key: @hex:32@", "cache_key=@hex:40@", "key_id: @capital:20@",
        "kms_key_id: \"@uuid@\"", "primaryKey=@alnum:30@", "foreign_key: @alnum:20@", "partition_key: @alnum:24@",
        "session_id_length=32", "run_id: @digit:12@", "user_id=@digit:18@", "transaction-id: @hex:24@",
        "commit @hex:40@", "index @hex:7@..@hex:7@ 100644", "Merge: @hex:7@ @hex:7@", "etag: \"@hex:32@\"",
        "container @hex:64@ started", "sha256:@hex:64@", "digest: sha256:@hex:64@", "@hex:32@  archive.tar.gz",
        "integrity sha512-@base64:86@==", "md5=@hex:32@", "checksum: @hex:64@", "Source-Checksum: @hex:40@",
        "fingerprint: SHA256:@base64:43@", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI@base64:43@ me@host",
        "public_key = \"@base64:44@\"", "publicToken = '@alnum:40@'", "pub const X509_key_st = struct_key_st;",
        "issuerKeyHash=@hex:40@", "csrf-token=@base64:64@==", "csrfmiddlewaretoken=@alnum:64@", "_xsrf_token: @hex:32@",
        "next_page_token: @url:40@", "pageToken=@url:32@", "continuation_token=@base64:40@", "sync_token=@hex:16@",
        "idempotency_key: @uuid@", "dedup_key=@hex:32@", "SRCREV_app = \"@hex:40@\"", "\"revision\": \"@hex:40@\"",
        "key_fingerprint=@hex:40@", "gpg: key @capital:16@: public key imported", "gpg --recv-keys @capital:40@",
        "tls_key_fingerprint: @hex:64@", "secret_arn: arn:aws:secretsmanager:eu-west-1:@digit:12@:secret:db-@alnum:6@",
        "password_hash_algorithm=argon2id", "\"accessor\": \"@alnum:16@\"", "nonce=@hex:32@", "uuid=@uuid@",
        "bucket_key: SalesResults-1.2", "schemaKey = 'DOC_Vector_5_32'", "key_down_event=@alnum:30@",
        "X-Amz-Date=20240501T120000Z", "version: @hex:40@", "machine-id=@hex:32@", "blob @hex:40@ 1024",
        "react_key=@alnum:12@", "hash_key: @hex:32@", "row_key=@hex:24@", "routing_key: orders.created.v2",
        "AVEncVideoMaxKeyframeDistance, \"@uuid@\"", "shortcut_key = Ctrl+Shift+K", "natural_key: a1b2c3d4e5f6",
        "publishable_key: @alnum:24@", "idx_key = user_email_idx_2", "keyword: Befaehigung_P2", "hotkey=ctrl-alt-f12",
    ),
    "path": (
        "KEY_FILE=/etc/ssl/private/server.key", "password_file: /run/secrets/db_password", "key=/etc/ssl/key1.pem",
        "SSH_AUTH_SOCK=/tmp/ssh-@alnum:12@/agent.1234", "credentials = ~/.aws/credentials", "token_path: ./var/token1",
        "keystore.path=env/cert.p12", "-DKEYTAB_FILE=/tmp/app.keytab", "TokenFile=\"RTL_INST_CODE.cer\"",
        "secret: C:\\Users\\me\\secret1.txt", "key: s3://bucket/path/to/object1", "IdentityFile ~/.ssh/id_ed25519",
        "IceSSL.KeyFile=s_rsa1024_priv.pem", "private_key_path = \"${path.module}/key.pem\"", "PWD=/home/user/project1",
        "access_token_url='https://github.com/login/oauth/access_token'",
        "token_endpoint: https://a.example.com/token1",
        "auth_url=https://idp.example.com/oauth2/v1", "apiUrl=apigee.example.com",
        "credentials.url=lb1.example.com:5215",
        "/usr/share/keyrings/debian-archive-keyring.gpg", "/etc/passwd: root:x:0:0:root:/root:/bin/bash",
        "Get:1 http://deb.debian.org/debian bookworm/main amd64 libsecret-1-0 amd64 0.20.5-3",
        "libpam-passwdqc (2.0.2-1)",
        "readFile('/etc/passwd', 'utf8', callback);", "key = build/keys/release-key-v2.pub",
    ),
    "code": (
        "token = get_token()", "password = input('Password: ')", "const token = await getToken(user1)",
        "def login(user, password=None):", "if password == other_password:", "self.password = password",
        "String password = request.getParameter(\"password\");", "var token = tokens[i];",
        "return tokenizer.encode(text2)",
        "tokenizer = AutoTokenizer.from_pretrained('bert-base-uncased')", "for token in tokens2:",
        "key = lambda item: item.key1", "assert password != 'wrong'", "password: string;", "token: str | None = None",
        "private readonly token: InjectionToken<Config2>;", "public static final String PASSWORD = \"password\";",
        "setPassword(user.getPassword());", "passwordEncoder = new BCryptPasswordEncoder(12);",
        "key_length = XSalsa20.key_length", "KeyPair = X25519.KeyPair",
        "BlindKeySignatures = Ed25519.BlindKeySignatures",
        "keyPressed = kVK_Return.u16", "doc.Security.KeySize = PdfEncryptionKeySize.Key128Bit;",
        "o.keySelector=n,o.haKey=!1,", "const validKeyChars = \"0123456789abcdefghijklmnopqrstuvwxyz_-.\"",
        "|| pIdxKey->default_rc==0", "case TOKEN_STRING2: return parseString();", "#define TOKEN_IDENTIFIER 258",
        "import { chain_Key1, chain_Key2 } from '../consts';", "<input type=\"password\" name=\"password\">",
        "<label for=\"password\">Password</label>", "withCredentials([usernamePassword(credentialsId: 'ci-deploy-1')])",
        "fetch(url, { credentials: 'include' })", "mngr->getKey = xmlSecKeysMngrGetKey;",
        "secret = Secret.from_name(name1)",
        "x.authorization = Authorization.parse(header)", "password !== passwordRepeated", "hash[key] = value2",
        "'password' => 'required|string|min:8',", "password = models.CharField(max_length=128)",
        "token.type == TokenType.NUMBER", "SELECT password FROM users WHERE id = 42",
        "ALTER TABLE users ADD password text",
        "secret_length = X25519.secret_length", "RUN --mount=type=secret,id=jfrog_secret \\", "key: value1",
        "this.ultraPictureBox1.Name = \"ultraPictureBox1\";", "Auth::guard('api2')->user()",
        "@Column(name = \"password\")",
        "export const tokenSlice = createSlice({", "logger.info('token refreshed for %s', user1)",
        "<Color x:Key=\"NormalBrush1\">#FFBAE4FF</Color>", "KeyError: 'config_v2_settings'",
        "new Token(TokenKind.EOF, 0)",
    ),
    "prose": (
        "Password must be at least 8 characters long", "password combination.\n\nR5: Regulatory--21",
        "Failed password for invalid user admin from 203.0.113.7 port 52114 ssh2",
        "Enter passphrase for key '/root/.ssh/id':",
        "Accepted publickey for git from 203.0.113.9 port 50422 ssh2: ED25519 SHA256:@base64:43@",
        "author: A B <a@b.example>",
        "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=203.0.113.7",
        "The token is refreshed every 15 minutes.", "Authorization: required", "Token: expired", "key: see above",
        "Secrets are stored in Vault 1.15.", "keyboard=us101-intl-2", "monkeys-audio:mx64-uwp=fail",
        "author = \"a@b.example\",",
        "Authentication-Results: mx.example.com; spf=pass", "X-MS-Exchange-Organization-AuthSource: mail1.example.com",
        "io.jsonwebtoken:jjwt-jackson:0.11.2", "org.slf4j.slf4j-api:jar:1.7.8.:compile", "rapidstring:marm64-uwp=fail",
        "\"Turkey Standard Time\": \"Europe/Istanbul\"", "Tokens: 128 (prompt 100, completion 28)",
        "Keys: 2048-bit RSA",
        "PASS tests/auth.test.js (5.123 s)", "ok 12 - token parser handles comments",
        "=== PASS: TestTokenRefresh (0.02s)",
        "test_password_reset_v2 PASSED [ 12%]", "session opened for user root(uid=0) by (uid=0)",
        "Bearer authentication is used",
        "basic_auth: enabled", "Use `--token` to pass a token.", "no password set", "password incorrect (attempt 3)",
        "Warning: Using a password on the command line interface can be insecure.", "SASL authentication id 1234567",
        "Set-Cookie: theme=dark; Path=/", "Cookie: lang=en-US; consent=accepted2024", "secretName: app-tls-v2",
        "secretKeyRef:\n  name: db-credentials-1", "imagePullSecrets:\n  - name: registry-2", "token_type: bearer",
        "kind: Secret\nmetadata:\n  name: app\ndata:\n  password: \"\"\n",
        "kind: ExternalSecret\nspec:\n  data:\n    - key: a1\n",
        "kind: Secret\ndata:\n  password: {{ .Values.password }}\n", "kind: ConfigMap\ndata:\n  mode: production2024\n",
        "-----BEGIN CERTIFICATE-----\n@base64:64@\n-----END CERTIFICATE-----", "ls -l id_rsa.pub authorized_keys2",
        "-----BEGIN PUBLIC KEY-----\n@base64:64@\n-----END PUBLIC KEY-----", "LICENSE_KEY_TYPE=enterprise2024",
        "  token [options] <command>", "--api-key KEY     key of the service", "--password-stdin   read it from stdin",
        "usage: login [-u USER] [-p PASSWORD]", "docker run -u app:app image2", "--user 1000:1000", "nc -u -l 41234",
        "https://example.com:8080/path", "git@github.com:owner/repo.git", "ssh://git@host.example:22/r.git",
        "mailto:someone@example.com", "http://[2001:db8::1]:8080/", "curl -u user https://example.com/api",
    ),
    "log": (
        "05-01 12:00:00.123  1702  2395 D WindowManager: skipTaskOrder token=Token{@hex:7@ ActivityRecord{@h"
        "ex:7@ u0 a/.B t12}}",
        "I/ActivityManager: mToken=android.os.BinderProxy@@hex:7@",
        "acquire lock=233570404, flags=0x1, tag=\"View Lock\"",
        "Session: 30546174_4058957187 initialized by client WindowsUpdateAgent.",
        "nova.osapi_compute.wsgi.server [req-@uuid@ @hex:32@ @hex:32@ - - -] 10.11.10.1 \"GET /v2/@hex:32@/s"
        "ervers HTTP/1.1\"",
        "Registering app attempt : appattempt_1445144423722_0020_000001",
        "Adding token type YARN_AM_RM_TOKEN for job_1445_20",
        "org.apache.hadoop.security.token.Token@@hex:8@", "TASK [common : set token] *** ok: [host1]",
        "key(AccessKeyCache)=com.example.Cache@@hex:8@", "Wrote keyframe: 1714564800000000000",
        "pass 1 of 2: 99.8% done",
        "kernel: keyring: 0 keys in .builtin_trusted_keys", "dpkg: configuring debian-archive-keyring 2023.3+deb12u1",
        "systemd[1]: Started systemd-ask-password-console.path - Dispatch Password Requests",
        "npm http fetch GET 200 auth 12ms",
        "npm verb stack key=registry.npmjs.org:_authToken-missing", "oauthlib==3.2.2", "requests-oauthlib 1.3.1",
        "Collecting keyring==24.3.0", "  Downloading tokenizers-0.15.2-cp311-cp311-manylinux_2_17_x86_64.whl (3.6 MB)",
        "gcc -DHAVE_PASSWD_H=1 -DUSE_SECRET_KEY=0 -c passwd2.c",
        "[ 42%] Building C object src/CMakeFiles/token.dir/token2.c.o",
        "authd[123]: copied key \"com.apple.rights1\"", "loginwindow: -[Session unlockKeychain:] | key=login2.keychain",
    ),
}  # fmt: skip


def draw_lookalikes(drawn: random.Random) -> list[tuple[str, str]]:
    """Pairs of group and text, with what is random in them drawn."""

    def place(match: re.Match[str]) -> str:
        if match["name"] is None:
            return draw_shape(UUID, drawn)
        return "".join(drawn.choices(ALPHABETS[match["name"]], k=int(match["count"])))

    return [(group, PLACE.sub(place, text)) for group, texts in GROUPS.items() for text in texts]
