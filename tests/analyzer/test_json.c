#include "view/json.h"

#include <criterion/criterion.h>
#include <stdlib.h>

Test(json, writes_members_in_order)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    struct json json = json_on(out);
    json_object(&json, NULL);
    json_uint(&json, "most", UINT64_MAX);
    json_int(&json, "least", INT64_MIN);
    json_bool(&json, "yes", true);
    json_null(&json, "none");
    json_text(&json, "text", "a\"\n\xff");
    json_object(&json, "empty");
    json_end(&json);
    json_array(&json, "list");
    json_object(&json, NULL);
    json_uint(&json, "a", 1);
    json_uint(&json, "b", 2);
    json_end(&json);
    json_object(&json, NULL);
    json_end(&json);
    json_end(&json);
    json_command(&json, "command",
                 "ls\x1f-l\x1f"
                 "a b");
    json_end(&json);
    fclose(out);
    cr_assert_str_eq(text, "{\n"
                           "  \"most\": 18446744073709551615,\n"
                           "  \"least\": -9223372036854775808,\n"
                           "  \"yes\": true,\n"
                           "  \"none\": null,\n"
                           "  \"text\": \"a\\\"\\n\\ufffd\",\n"
                           "  \"empty\": {},\n"
                           "  \"list\": [\n"
                           "    {\"a\": 1, \"b\": 2},\n"
                           "    {}\n"
                           "  ],\n"
                           "  \"command\": [\n"
                           "    \"ls\",\n"
                           "    \"-l\",\n"
                           "    \"a b\"\n"
                           "  ]\n"
                           "}\n");
    free(text);
}
