#pragma once

#include <stdint.h>

#include "base/error.h"

/* Data files in tables' folders that no version needs, left by a crash between two steps of a
 * publish or a vacuum, and drafts in their logs. Only names that Weft gives; before the first run
 * starts, after publishes were carried out. */
struct server;

bool sweep_lake(struct server *server, int64_t *removed_out, struct error *err) must_check;
