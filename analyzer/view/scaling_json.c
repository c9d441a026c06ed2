#include <stdlib.h>

#include "base/mem.h"
#include "view/json.h"
#include "view/json_profile.h"
#include "view/scaling.h"

static void write_fit(struct json *json, const struct scaling *s, const struct scaling_row *row,
                      enum scaling_metric metric)
{
    const struct scaling_fit *fit = &row->fits[metric];
    json_object(json, scaling_metric_name(metric));
    json_array(json, "values");
    for (size_t i = 0; i < s->size_count; i++) {
        json_uint(json, NULL, scaling_whole(row->values[metric][i]));
    }
    json_end(json);
    json_text(json, "class", scaling_class_name(fit->class));
    json_double(json, "exponent", fit->exponent);
    json_double(json, "r2", fit->r2);
    json_double(json, "error", fit->error);
    json_double(json, "predicted", fit->predicted);
    json_end(json);
}

static void write_row(struct json *json, const struct scaling *s, const struct scaling_row *row)
{
    struct site_stack stack = {0};
    if (row != &s->total) {
        site_stack_load(&stack, s->largest, s->largest->sites.at[row->site].path);
        json_uint(json, "site", row->site);
        if (row->place < stack.count) {
            json_frame(json, &stack.at[row->place]);
        }
        json_bool(json, "hurts", row->hurts);
    }
    for (unsigned m = 0; m < SCALING_METRICS; m++) {
        write_fit(json, s, row, (enum scaling_metric)m);
    }
    site_stack_finish(&stack);
}

void scaling_json(const struct scaling_view *view, FILE *out)
{
    const struct scaling *s = view->scaling;
    struct json json = json_on(out);
    json_object(&json, NULL);
    json_text(&json, "format", "alloctrap-scaling/1");
    json_command(&json, "command", s->largest->run.command);
    json_array(&json, "sizes");
    for (size_t i = 0; i < s->size_count; i++) {
        json_double(&json, NULL, s->sizes[i]);
    }
    json_end(&json);
    json_array(&json, "whole");
    for (size_t i = 0; i < s->size_count; i++) {
        json_bool(&json, NULL, s->is_whole[i]);
    }
    json_end(&json);
    json_double(&json, "predicted_size", s->predict_size);
    json_object(&json, "total");
    write_row(&json, s, &s->total);
    json_end(&json);
    json_array(&json, "functions");
    for (size_t i = 0; i < s->rows.count && (view->top == 0 || i < view->top); i++) {
        json_object(&json, NULL);
        write_row(&json, s, &s->rows.at[i]);
        json_end(&json);
    }
    json_end(&json);
    json_end(&json);
}
