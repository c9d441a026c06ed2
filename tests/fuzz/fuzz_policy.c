/*
 * fuzz_policy - arbitrary bytes as a policy file: a policy or one line that says where the mistake
 * is. What parses is matched against hostile names.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "budget/budget_glob.h"
#include "budget/policy.h"

static void use(const struct policy *policy)
{
    static const char *const names[] = {"std::vector<int, std::allocator<int> >::push_back(int)",
                                        "operator()(", "a/../../b//c", "<<<>>>(((", ""};
    for (size_t i = 0; i < policy->budgets.count && i < 16; i++) {
        const struct policy_match *match = &policy->budgets.at[i].match;
        for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
            if (match->function != NULL) {
                (void)budget_glob_matches_function(match->function, names[k]);
            }
            if (match->file != NULL) {
                (void)budget_glob_matches_path(match->file, names[k]);
            }
        }
    }
    (void)policy_wants_baseline(policy);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct policy *policy = NULL;
    struct err err = {.code = ERR_NONE};
    char *text = malloc(len + 1);
    memcpy(text, bytes, len);
    text[len] = '\0';
    if (policy_parse("fuzz.yaml", text, len, &policy, &err) == ERR_NONE) {
        use(policy);
        policy_destroy(policy);
    } else if (err.message[0] == '\0' || strchr(err.message, '\n') != NULL) {
        abort(); /* one line, always */
    }
    free(text);
    return 0;
}
