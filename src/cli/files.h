#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"

/* Whole files. */

/* At most max_bytes (54001 beyond); "-" is standard input. 58P01 when it is not there. */
bool file_read(struct arena *arena, const char *path, size_t max_bytes, struct slice *out,
	struct error *err) must_check;
/* Whole or not at all (temporary file, fsync, rename), mode as given. */
bool file_write(const char *path, struct slice text, unsigned mode, struct error *err) must_check;
/* Makes a folder and those above it. */
bool file_make_dirs(const char *path, unsigned mode, struct error *err) must_check;
/* weft-worker beside our own executable; in the arena. */
struct cli;
const char *cli_worker_path(struct cli *cli);
