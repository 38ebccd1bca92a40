/* The compiled rules. All constant: nothing is built when the extension is loaded. */
#include "internal.h"
#include "prefilter.h"

#include "rules_table.h"

const char *hstore_rules_digest(void) { return builtin_rules.digest; }

static const struct ruleset *rules_of(const hstore_masker *masker) { return masker == NULL ? &builtin_rules : masker->set; }

int hstore_type_count(const hstore_masker *masker) { return (int)rules_of(masker)->rule_count + 1; }

/* The type behind the last rule is that of registered values. */
const char *hstore_type_name(const hstore_masker *masker, int type) {
    const struct ruleset *set = rules_of(masker);
    if (type < 0 || type > (int)set->rule_count) return NULL;
    return type == (int)set->rule_count ? "value" : set->rules[type].id;
}
