/* The compiled rules. All constant: nothing is built when the extension is loaded. */
#include "internal.h"
#include "prefilter.h"

#include "rules_table.h"

static const struct ruleset *rules_of(const hstore_masker *masker) { return masker == NULL ? &builtin_rules : masker->set; }

const char *hstore_rules_digest(const hstore_masker *masker) { return rules_of(masker)->digest; }

int hstore_type_count(const hstore_masker *masker) { return (int)rules_of(masker)->rule_count + 1; }

/* The type behind the last rule is that of registered values. */
const char *hstore_type_name(const hstore_masker *masker, int type) {
    const struct ruleset *set = rules_of(masker);
    if (type < 0 || type > (int)set->rule_count) return NULL;
    return type == (int)set->rule_count ? "value" : set->rules[type].id;
}

int hstore_rule_form(const hstore_masker *masker, int type) {
    const struct ruleset *set = rules_of(masker);
    return type < 0 || type >= (int)set->rule_count ? -1 : set->rules[type].form;
}

const char *hstore_rule_anchor(const hstore_masker *masker, int type, int number) {
    const struct ruleset *set = rules_of(masker);
    uint32_t i;
    for (i = 0; i < set->anchor_count; i++)
        if (set->anchors[i].rule == type && number-- == 0) return set->anchors[i].text;
    return NULL;
}

static int is_builtin(int type) { return type >= 0 && type < (int)builtin_rules.rule_count; }

const char *hstore_rule_description(int type) { return is_builtin(type) ? rule_about[type].description : NULL; }
const char *hstore_rule_source(int type) { return is_builtin(type) ? rule_about[type].source : NULL; }

const char *hstore_class_name(int number) {
    return number < 0 || number >= (int)(sizeof class_names / sizeof *class_names) ? NULL : class_names[number];
}
