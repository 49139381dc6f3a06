#pragma once

#include "cli/sql-run.h"

/* The SQL shell: reads lines with libedit until end of file or \q. safe: no command that writes a
 * file or starts a program. */
bool shell_run(struct sql_session *session, bool safe, struct error *err) must_check;
