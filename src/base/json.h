#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"

/*
 * jansson with our rules: input is foreign, so depth is limited (JSON_PARSER_MAX_DEPTH of the
 * library, 2048), duplicate keys are refused, bytes must be UTF-8. Values are reference counted by
 * jansson; use `scoped(json_drop) json_t *j = NULL;`.
 */

void json_drop(json_t **value);

/* NULL with err set (SYNTAX_ERROR, line and column in the text) when text is not exactly one value.
 */
json_t *json_parse(struct slice text, struct error *err) must_check;

/* Compact, keys in insertion order; the text lives in the arena. */
struct slice json_print(struct arena *arena, const json_t *value);
/* Two-space indentation and sorted keys, for files and people. */
struct slice json_print_pretty(struct arena *arena, const json_t *value);

/* Reading members of an object. Absent, null or another type gives SLICE_NONE / fallback / NULL.
 * Slices are borrowed from the value. */
struct slice json_get_slice(const json_t *object, const char *key);
int64_t json_get_i64(const json_t *object, const char *key, int64_t fallback);
bool json_get_bool(const json_t *object, const char *key, bool fallback);
json_t *json_get_array(const json_t *object, const char *key);
json_t *json_get_object(const json_t *object, const char *key);
struct slice json_to_slice(const json_t *string);

/* Building: new reference; invalid UTF-8 is replaced by U+FFFD; none gives null. */
json_t *json_from_slice(struct slice text);
void json_set_slice(json_t *object, const char *key, struct slice text);
/* An array of texts; new reference. */
json_t *json_from_slices(const struct slice *items, size_t count);
