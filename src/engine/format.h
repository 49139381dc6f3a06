#pragma once

#include "base/error.h"
#include "base/slice.h"
#include "base/str.h"

struct engine;

/*
 * to_char, to_timestamp and to_number by PostgreSQL's templates ("Data Type Formatting Functions",
 * 9.8), without EEEE, RN, V, L and time zone names. Pure but for the registration; any thread.
 */

/* Registers weft_to_char(value as text, template, type's name), weft_to_timestamp(text, template),
 * weft_to_number(text, template). */
bool format_register(struct engine *engine, struct error *err) must_check;

/* A number in decimal digits ("-12.50", "1e+20"). */
void format_number(struct str *out, struct slice number, struct slice template);
/* "2026-05-07 13:04:05.5+02", parts may be missing from the right; false: it is no such text. */
bool format_timestamp(struct str *out, struct slice timestamp, struct slice template) must_check;
/* Microseconds since 1970; false: the text does not fit the template. */
bool format_read_timestamp(struct slice text, struct slice template, int64_t *us_out) must_check;
