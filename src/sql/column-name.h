#pragma once

#include "base/arena.h"
#include "base/slice.h"

/*
 * Result columns without an alias as PostgreSQL names them: count, sum, ?column?, int4, coalesce.
 * names: the engine's, one per column; changed in place where PostgreSQL has another one. It looks
 * at the words of the outermost SELECT alone; what it does not understand keeps its name. Source:
 * FigureColname in PostgreSQL 15's parse_target.c. Pure; any thread; new names live in the arena.
 */
void sql_name_columns(
	struct arena *arena, struct slice statement, struct slice *names, size_t count);
