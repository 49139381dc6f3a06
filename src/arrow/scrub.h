#pragma once

struct ArrowArrayView;

/*
 * Zeroes what stands under NULL: Arrow sends a value's place also when there is no value, and
 * DuckDB leaves there what its memory held before, which may be of rows or columns that the reader
 * must not see. The arrays' buffers are written to, so they must be the caller's own.
 */
void arrow_scrub(struct ArrowArrayView *view);
