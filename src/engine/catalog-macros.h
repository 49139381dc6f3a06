#pragma once

#include "base/error.h"
#include "base/slice.h"

struct engine;

/* Functions of pg_catalog that clients call in catalogue queries, as temporary macros over the
 * session catalogue's tables and constants. */
bool catalog_macros_register(struct engine *engine, struct error *err) must_check;

/* CREATE OR REPLACE TEMP MACRO head AS (body). */
bool dialect_macro(
	struct engine *engine, const char *head, struct slice body, struct error *err) must_check;
