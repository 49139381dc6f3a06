#pragma once

#include "cli/cli.h"
#include "config/config.h"

/* Settings of the node in a data folder: --set, environment, weft.toml, defaults. */
bool node_config_load(
	const struct cli *cli, const char *data, struct config **out, struct error *err) must_check;
/* "pg_port" may stand for "pg.port", as in the environment's WEFT_PG_PORT. */
const char *node_setting_name(const struct cli *cli, struct slice name);
/* The --set options, for node_config_load and for later reloads; they live as long as cli. */
bool node_config_flags(const struct cli *cli, const struct config_flag **out, size_t *count_out,
	struct error *err) must_check;
/* The same folder as an absolute path; 58P01 when it holds no node. */
bool node_data_dir(
	const struct cli *cli, const char *data, const char **out, struct error *err) must_check;
