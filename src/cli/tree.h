#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "manifest/manifest.h"

/* The manifests below a folder: *.yaml, *.yml, *.sql, sorted by path; hidden files and folders and
 * links are left out. 58P01 when the folder is not there or holds none. */
bool tree_read(struct arena *arena, const char *dir, struct manifest_file **out, size_t *count_out,
	struct error *err) must_check;
