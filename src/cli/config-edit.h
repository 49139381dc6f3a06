#pragma once

#include "base/arena.h"
#include "base/slice.h"

/* One setting of weft.toml changed in place; pure. */
struct config_change {
	struct slice text;  /* of the file; none = there is none */
	const char *name;   /* "pg.port" */
	int line;	    /* where it stands now, from 1; 0 = nowhere */
	struct slice value; /* as the file writes it: config_text */
};

/* The new text, in the arena. */
struct slice config_edit(struct arena *arena, const struct config_change *change);
