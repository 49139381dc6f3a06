#pragma once

#include "cli/cli.h"
#include "config/config.h"

/* Settings of the node in a data folder: --set, environment, weft.toml, defaults. */
bool node_config_load(
	const struct cli *cli, const char *data, struct config **out, struct error *err) must_check;
/* The same folder as an absolute path; 58P01 when it holds no node. */
bool node_data_dir(
	const struct cli *cli, const char *data, const char **out, struct error *err) must_check;
