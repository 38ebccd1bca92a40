/* The compiled rules. All constant: nothing is built when the extension is loaded. */
#include "internal.h"

#include "rules_table.h"

const char *hstore_rules_digest(void) { return rules_digest; }

int hstore_type_count(void) { return rule_count + 1; }

/* The type behind the last rule is that of registered values. */
const char *hstore_type_name(int type) {
    if (type < 0 || type > rule_count) return NULL;
    return type == rule_count ? "value" : rules[type].id;
}
