/* `clgrad plan`: one training step of a recipe, explained without running it. */
#include "cli.h"

typedef struct plan_options {
    cli_where where;
    const char *stage;
    int64_t batch;
    int eval;
} plan_options;

const cli_option cli_options_plan[] = {
    CLI_WHERE(plan_options),
    CLI_MEMORY_LIMIT(plan_options),
    { "batch", CLI_COUNT, offsetof(plan_options, batch), "N", "samples per step (default: the recipe's)", 1 },
    { "stage", CLI_TEXT, offsetof(plan_options, stage), "S",
      "graph, the name of a pass, or summary: what fusion saves (default: the final plan)", 0 },
    { "eval", CLI_FLAG, offsetof(plan_options, eval), NULL, "the forward pass in evaluation mode instead",
      0 },
    { 0 },
};

int cli_run_plan(const cli_verb *verb, int argc, char **argv)
{
    plan_options o = { .batch = CLI_NO_COUNT };
    const char *name = NULL;
    clg_error error = CLG_ERROR_INIT;
    clg_device *device = NULL;
    cli_step step = { 0 };
    char *text = NULL;
    int code = cli_parse(verb, argc, argv, &o, &name);
    if (code != CLI_CONTINUE) return code;
    const recipe *r = cli_recipe(verb, name);
    if (!r) return CLI_USAGE;
    if (o.batch < 0) o.batch = r->batch;
    clg_status status = cli_device(&o.where, &device, &error);
    if (!status) status = cli_step_record(&step, device, r, o.batch, o.eval, &error);
    if (!status && (status = clg_graph_explain(step.graph, o.stage, &text)) != CLG_OK) {
        error = *clg_graph_error(step.graph);
        error.status = status;
    }
    if (!status) fputs(text, stdout);
    clg_text_free(text);
    cli_step_finish(&step);
    clg_device_close(device);
    return status ? cli_fail(&error) : CLI_OK;
}
