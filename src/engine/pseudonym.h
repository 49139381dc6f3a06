#pragma once

#include "base/error.h"
#include "base/slice.h"

struct engine;

/*
 * Joinable pseudonyms: SipHash-2-4 (64 bits) keyed by the mesh. weft_pseudonym_bigint(BIGINT) →
 * BIGINT, weft_pseudonym_text(VARCHAR) → VARCHAR (16 hex digits): equal values have equal
 * pseudonyms in the whole mesh; without the key they cannot be computed. NULL stays NULL.
 */
bool pseudonym_register(struct engine *engine, struct error *err) must_check;
/* 64 hex digits. */
bool pseudonym_set_key(struct engine *engine, struct slice hex, struct error *err) must_check;
