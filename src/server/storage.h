#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"

/*
 * Where a domain's tables may lie: below one of the setting lake.dirs, links resolved, so that a
 * domain can neither write over the node's own files nor over another folder of the machine.
 */
struct server;

/* The folder for a domain's `storage` (none = the first of lake.dirs; a relative one is taken from
 * there), absolute. 42501 outside of lake.dirs, 22023 for a name that the engine takes as a
 * pattern. Any thread. */
bool storage_folder(const struct server *server, struct arena *arena, struct slice storage,
	struct slice *out, struct error *err) must_check;
