#pragma once

#include "cli/cli.h"

/* What plan, apply and delete share. body: Manifests of the API. */
bool apply_get_plan(
	struct cli *cli, const json_t *body, json_t **out, struct error *err) must_check;
/* Also sets the exit status when the plan cannot be applied. */
bool apply_show_plan(struct cli *cli, const json_t *plan, struct error *err) must_check;
/* Applies body as planned (its "base") and follows the runs. */
bool apply_send(struct cli *cli, json_t *body, const json_t *plan, struct error *err) must_check;
