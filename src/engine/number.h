#pragma once

#include <duckdb.h>

#include "engine/buffer.h"

/* Numbers as text; shared by the text, JSON and CSV forms. */
void number_i64(struct buffer *out, int64_t value);
void number_u64(struct buffer *out, uint64_t value);
/* value / 10^scale, all scale digits. */
void number_i128(struct buffer *out, __int128 value, unsigned scale);
void number_u128(struct buffer *out, unsigned __int128 value);
/* Shortest text that reads back as the same value, as PostgreSQL ≥ 12 prints it. Finite values
 * only. */
void number_double(struct buffer *out, double value);
void number_float(struct buffer *out, float value);
/* BIGNUM: header of 3 bytes, big-endian magnitude, all complemented when negative. */
void number_bignum(struct buffer *out, const unsigned char *bytes, size_t len);

static inline __int128 hugeint_value(duckdb_hugeint value)
{
	return (__int128)((unsigned __int128)(uint64_t)value.upper << 64 | value.lower);
}
