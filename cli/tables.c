/* `clgrad ops`, `clgrad env`, `clgrad version`: tables of the library. */
#include <string.h>

#include "cli.h"

const cli_option cli_options_ops[] = { { 0 } }, cli_options_env[] = { { 0 } },
                 cli_options_version[] = { { 0 } };

int cli_run_ops(const cli_verb *verb, int argc, char **argv)
{
    clg_op_info info;
    int code = cli_parse(verb, argc, argv, NULL, NULL);
    if (code != CLI_CONTINUE) return code;
    printf("%-18s %-12s %-9s %s\n", "op", "kind", "gradient", "meaning");
    for (size_t i = 0; clg_op_describe(i, &info); ++i) {
        int yes = info.gradient[0] == 'y';
        printf("%-18s %-12s %-9s %s", info.name, info.kind, yes ? "yes" : "no", info.doc);
        if (info.source[0] != '-' && info.source[0]) printf(" (%s)", info.source);
        if (!yes && strcmp(info.gradient, "none flows through it")) printf("; %s", info.gradient);
        /* The other kinds say it: they are fused, views, or lowered. */
        if (!strcmp(info.kind, "contraction")) printf("; kernels: %s", info.kernels);
        putchar('\n');
    }
    return CLI_OK;
}

int cli_run_env(const cli_verb *verb, int argc, char **argv)
{
    const char *name, *standard, *meaning, *value;
    int code = cli_parse(verb, argc, argv, NULL, NULL);
    if (code != CLI_CONTINUE) return code;
    for (size_t i = 0; clg_env_describe(i, &name, &standard, &meaning, &value); ++i) {
        printf("%-20s %s", name, meaning);
        if (standard[0]) printf(" (default %s)", standard);
        if (value) printf(" [now: %s]", value);
        putchar('\n');
    }
    return CLI_OK;
}

int cli_run_version(const cli_verb *verb, int argc, char **argv)
{
    int code = cli_parse(verb, argc, argv, NULL, NULL);
    if (code != CLI_CONTINUE) return code;
    printf("clgrad %s\n", clg_version());
    return CLI_OK;
}
