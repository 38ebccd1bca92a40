"""Texts that look like tokens and are none: placeholders, wrong lengths and letters, names that share an anchor.

Collected from what people write in documents and source code, in the spirit of the false positives that the rules of
gitleaks are tested with (https://github.com/gitleaks/gitleaks/tree/master/cmd/generate/config/rules). Anchors are cut
by a space as in shapes.py, `¬` stands for a space that is meant.
"""

from __future__ import annotations

import random

from .shapes import draw_shape

LOW_ENTROPY = (
    "gh p_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "gh o_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "gl pat-XXXXXXXXXXX-XXXXXXXX", "gl pat-xxxxxxxx-xxxxxxxxxxxxxxxxxx.xxxxxxxxx",
    "gl ptt-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "GR13 4894112312312312312312312312", "GR13 48941XXXXXXXXXXXXXXXXXXXX",
    "gl rt-tx_xxxxxxxxxxxxxxxxxxxxxxxxxxx.xxxxxxxxx", "key¬=¬AK IAXXXXXXXXXXXXXXXX", "AK IAAAAAAAAAAAAAAAAAAA",
    "A 3-XXXXXX-XXXXXXXXXXX-XXXXX-XXXXX-XXXXX", "xo xb-xxxxxxxxx-xxxxxxxxxx-xxxxxxxxxxxx",
    "xo xb-xxxxxxxxxxx-xxxxxxxxxxxxxxxxxxxxxxxx",
    "xo xp-XXXXXXXXXX-XXXXXXXXXX-XXXXXXXXXXX-XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX", "xox e-1-xxx",
    "https://hooks.sl ack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX",
    "h f_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "api _org_XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX",
    "i co-XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX",
    "hv s.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "fo 1_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "pp lx-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "gl c_111111111111111111111111111111111111111111=", "gl sa_XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX_AAAAAAAA",
    "xxxxxxxxxxxxxx.atlas v1.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "4b 1dXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX", "bP88Q ~xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "sg p_0000000000000000_0000000000000000000000000000000000000000", "sg p_5555555dAAAAA7777777CcccCFaaaaaaaaaaaaaa",
    "AI zaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "AI zaSyabcdefghijklmnopqrstuvwxyz1234567",
    "sk- proj-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "sha256 ~XXXXXXXXXX_PUT_YOUR_TOKEN_HERE_XXXXXXXXXXXX",
    "sha256 ~_xxxxxx_xxxxxxxxxxxxxxxxxxxxxx-xxxxxxxxxx-X",
    "op s_eyJxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
    "xxxxxxxxxxx",
    "do p_v1_0000000000000000000000000000000000000000000000000000000000000000", "sk _live_xxxxxxxxxxxxxxxxxxxxxxxx",
    "npm _xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "pypi -AgEIcHlwaS5vcmcxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
)  # fmt: skip
PLACEHOLDERS = (
    "AK IAIOSFODNN7EXAMPLE", "AK IAI44QH8DHBEXAMPLE", "sk-a nt-api03-your-api-key-here",
    "sk- proj-your-project-api-key-here", "sk _test_your_secret_key_here", "sk _live_placeholder",
    "gh p_your_token_here", "gl pat-your-token-goes-here-please", "xo xb-your-token-here", "xo xb-xoxb-my-bot-token",
    "xo xb-Slack_BOT_TOKEN", "h f_your_token_here_replace_me_now",
    "xox e.xoxp-1-SlackAppConfigurationAccessTokenHere", "xox e.xoxp-1-RANDOMSTRINGHERE", "xox e.xoxp-1-initial",
    "op s_eyJzaWduSW5B..[Redacted]", "op s_eyJzaWduSW5BZGRyZXNzIjoiaHR0cHM6...", "sk-...", "gh p_...", "AI za...",
    "sk-a nt-api03-...", "gh p_<token>", "gl pat-<your_access_token>", "${gh p_TOKEN}", "nt n_12345678901",
    "nt n_12345678901abc", "tskey -auth-xxxxxxCNTRL-xxxxxxxxxxxxxxxxxxxx", "dp .st.prd.xxxx", "SG .xxxxxxxx.yyyyyyyy",
    "hf_ ...",
)  # fmt: skip
WRONG_LENGTH = (
    "AI za{url:34}", "AI za{url:41}", "sk-a nt-api03-{url:60}AA", "sk-a nt-api03-{url:93}BB",
    "sk-a nt-oat01-{alnum:8}", "nt n_{digit:60}", "do p_v1_{hex:63}", "do p_v1_{hex:65}", "pu l-{hex:39}",
    "pu l-{hex:41}", "AP I-{capital:25}", "AP I-{capital:32}", "4b 1d{alnum:36}", "S K{hex:31}", "S K{hex:40}",
    "da pi{hex:31}", "npm _{alnum:35}", "npm _{alnum:37}", "AK IA{base32:15}", "AK IA{base32:17}",
    "sg p_{hex:18}_{hex:38}", "sg p_local_{hex:38}", "h f_{letter:33}", "h f_{letter:44}",
    "xo xb-{digit:5}-{alnum:7}", "xo xp-{digit:10}", "xo xp-{digit:4}-{digit:4}-{digit:4}-{hex:32}",
    "S G.{url:20}.{url:40}", "sq0 atp-{url:10}", "r 8_{alnum:20}", "gs k_{alnum:40}", "xa i-{alnum:30}",
    "rd me_{small:60}", "tk -us-{url:30}", "ruby gems_{hex:40}", "sn tryu_{hex:40}", "fio -u-{url:20}",
    "PM AK-{hex:24}-{hex:20}", "li n_api_{alnum:20}", "LT AI{alnum:9}",
)  # fmt: skip
OTHER_LETTERS = (
    "AIZ ASYCO2CXRMC9ELSKLHLHRMBSWDEVEDZTLO2O", "ak ia{small:16}", "GHP _{capital:36}", "do p_v1_{capital:64}",
    "pu l-{capital:40}Z", "da pi-service-token-for-tests-and-docs",
    "sg p_local_d45b6G86aBb0F2Cee943902dbaDBCFCFDD1dA089", "AP I-{lower:26}", "api-c99e353f761d318322c853c03e.gif",
    "s k{hex:32}", "A 3-xXXXXX-XXXXXX-XXXXX-XXXXX-XXXXX-XXXXX", "XOxE-RROAmw,¬Home¬and¬Garden",
    "aws-cli@sha256:eaaa7b11777babe28e6133a8b19ff71cea687e0d7f05158dee95a71f76ce3d00", "hv s.not-a-token",
    "S G.Program.Main",
)  # fmt: skip
NAMES = (
    "TODAYINASIAASACKOFRICEFELLOVER", 'msgstr¬"Näytä¬asiakirjamallikansio."',
    "desktop-rhf_SponsoredProductsRemoteRHFSearchEXPSubsK2Click", "hf_requiredCharacteristicTypesForDisplayMetadata",
    "const¬api_org_controller¬=¬require('../../controllers/api/index')",
    'public¬static¬final¬String¬API_ORG_EXIST¬=¬"APIOrganizationExist";',
    'msgstr¬"GSSAPI-VIRHEKAPSELOINTIMERKKIJONO."',
    "https://sonarcloud.io/api/project_badges/measure?project=Garden-Coin_API-CalculadoraDeInvestimentos&"
    "metric=alert_status",
    "http://assets.example.com/media/video_box.ico-7a388b69018576d24b59331fd60aab0c.png", "profile.ico-2x-retina.png",
    "https://github.com/xoxa-nyc/xoxa-nyc.github.io/blob/master/README.md",
    "https://indieweb.org/images/3/35/2018-250-xoxo-indieweb-1.jpg", "s.AcceptanceTimeoutSeconds",
    "s.makeKubeConfigController¬=¬args", "o.s.b.f.s.DefaultListableBeanFactory", "npm_config_cache=/root/.npm",
    "npm_lifecycle_event=build", "npm_package_dependencies_react",
    "risk-assessment-framework-for-large-distributed-systems", "sk-learn-compatible-estimators-for-time-series",
    "disk-usage-analyzer", "task_list_for_the_next_iteration_of_work",
    "static¬void¬GLC_CreateLightmapTextureArray(void);", "void¬GLC_StateBeginUnderwaterAliasModelCaustics(void)",
    "glc_create_texture_array",
    "https://example.com/tos-cn-i-k3u1fbpfcp/6a9e704af49b4380bb686f0c96d33b81~tplv-k3u1fbpfcp-watermark.image",
    ".ui.visible.right.sidebar~.ui.visible.left.sidebar~.pusher{transform:translate3d(0,0,0)}",
    "~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~", "http://www.example.nl/speel~VARA_101375237~mh17-het-verdriet~.html",
    "pat.match(line)", "sat.solve(clauses)", "shpat_helper", "sgp_factor_graph_optimizer",
    "re_compile_pattern_with_flags", "re_match_2_internal_buffer", "fw_version_string_of_the_device",
    "api-gateway-7d4b9c6f5d-x2x9k", "sdk-for-javascript-v3", "dapi_initialize_context", "doses-of-medicine-given",
    "ops_team_oncall", "whsec_", "pk_live_publishable", "rnd_generator_state", "ext_module_loader",
    "sm_pattern_matching", "access-production-database-replica", "AKID_NOT_FOUND", "ASIA-PACIFIC-SOUTHEAST-1",
    "ABIA_STATE_NIGERIA", "ACCA_MEMBERSHIP_EXAM", "LTAI_MODEL", "eaaac3d4", "discord.com/api/webhooks/",
    "hooks.slack.com/services/", "sc_account.acct.accounting", "hawk.example.com", "v1.0-alpha-release-candidate",
    "sha256~", "4b1d3f0a9c8e7d6b5a4f3e2d1c0b9a8f7e6d5c4b", "sk_test_mode", "sk_live_mode", "xapp-main-window",
    "standard_deviation_of_samples", "DO001234567890", "KEY01", "CCIPAT_", "tr_dev_environment",
    "napi_create_reference", "napi_get_value_string_utf8", "glpat-",
)  # fmt: skip

LOOKALIKES: tuple[str, ...] = (*LOW_ENTROPY, *PLACEHOLDERS, *NAMES)
SHAPES: tuple[str, ...] = (*WRONG_LENGTH, *OTHER_LETTERS)


def draw_lookalikes(drawn: random.Random) -> tuple[str, ...]:
    """Every text, those of a shape drawn anew; each must be left as it is."""
    fixed = (text.replace(" ", "").replace("¬", " ") for text in LOOKALIKES)
    return (*fixed, *(draw_shape(shape, drawn).replace("¬", " ") for shape in SHAPES))
