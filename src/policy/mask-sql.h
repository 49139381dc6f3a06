#pragma once

#include "base/arena.h"
#include "base/slice.h"
#include "policy/policy.h"

/*
 * A mask as SQL over the file's column, for the governed view. NULL stays NULL except under
 * MASK_CONSTANT. A method that does not fit the column's type gives NULL of that type: never more
 * than asked, and `weft validate` says so beforehand (policy_mask_fits). Pure; any thread.
 *
 *	truncate   date_trunc of dates and timestamps; floor to a step for numbers
 *	partial    texts: the kept parts stand, every other character becomes '*'
 *	pseudonym  integers: weft_pseudonym_bigint(col) BIGINT; texts and UUID:
 *weft_pseudonym_text(col) VARCHAR; equal values have equal pseudonyms in the whole mesh (joinable)
 *	constant   the text cast to the column's type (NULL where it does not cast)
 */
struct mask_sql {
	struct slice expression; /* none = the column as it is */
	struct slice type;	 /* of the expression, DuckDB spelling */
};

struct mask_sql policy_mask_sql(
	struct arena *arena, const struct mask *mask, struct slice column, struct slice type);
/* Whether the method means something for the type; why_out gets a sentence otherwise. */
bool policy_mask_fits(
	struct arena *arena, const struct mask *mask, struct slice type, struct slice *why_out);
