#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "base/slice.h"

struct engine;

/*
 * What PostgreSQL users write and DuckDB lacks, as temporary macros (found first, in every session
 * catalogue), and the functions that masks use: weft_pseudonym_bigint, weft_pseudonym_text.
 */
bool dialect_register(struct engine *engine, struct error *err) must_check;

/* Who asks: for attribute(), in_group(), principal(), purpose() of row filters, and current_user
 * and its like. */
struct dialect_identity {
	struct slice principal;
	struct slice purpose; /* none = none given */
	struct slice database;
	const json_t *attributes;   /* {"country":["DE"]} */
	const json_t *groups;	    /* ["analysts"] */
	struct slice pseudonym_key; /* 64 hex digits; none = no pseudonyms are needed */
};

bool dialect_set_identity(struct engine *engine, const struct dialect_identity *identity,
	struct error *err) must_check;
