#pragma once

#include "cli/cli.h"

/* Questions, on a terminal only. Where nobody can be asked: 22023 with `otherwise` as the hint. */

/* y or n; anything but y is no, and false comes back with 57014. */
bool prompt_yes(
	struct cli *cli, const char *question, const char *otherwise, struct error *err) must_check;
/* The name must be typed. */
bool prompt_name(struct cli *cli, const char *name, const char *what, const char *otherwise,
	struct error *err) must_check;
/* Without echo, twice. --password-file (when given) is read instead, its last newline cut. */
bool prompt_password(
	struct cli *cli, const char *user, struct slice *out, struct error *err) must_check;
