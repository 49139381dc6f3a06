#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "base/slice.h"

/*
 * The parameters of one PostgreSQL session: the table of pg-settings.def, and two-part names of the
 * client's own. SET belongs to the transaction: rolled back it is undone, SET LOCAL ends with it.
 * One thread. Values are heap texts; slices that are given out live until the next change.
 */
struct pg_settings;

enum pg_setting_scope {
	PG_SET_SESSION,
	PG_SET_LOCAL,
	PG_SET_SERVER, /* by the server itself: READONLY ones too; also what RESET goes back to */
};

struct pg_settings *pg_settings_new(void);
void pg_settings_free(struct pg_settings **settings);
/* none when there is no such parameter; names are ASCII case-insensitive. */
struct slice pg_settings_get(const struct pg_settings *settings, const char *name);
struct slice pg_settings_find(const struct pg_settings *settings, struct slice name);
/* value none = back to the default. 42704 unknown, 22023 not a value of it, 55P02-like ones as
 * 55000. */
bool pg_settings_set(struct pg_settings *settings, struct slice name, struct slice value,
	enum pg_setting_scope scope, struct error *err) must_check;
void pg_settings_reset_all(struct pg_settings *settings);
/* The value in force becomes what RESET goes back to: after the start-up packet. */
void pg_settings_keep_as_default(struct pg_settings *settings);
int64_t pg_settings_ms(const struct pg_settings *settings, const char *name);
/* search_path as names; "$user", public and pg_catalog are left out: they name no domain. */
size_t pg_settings_search_path(
	const struct pg_settings *settings, struct arena *arena, const struct slice **out);

/* Transactions. A mark is the length of the undo list; marks nest (savepoints). */
size_t pg_settings_mark(const struct pg_settings *settings);
void pg_settings_undo(struct pg_settings *settings, size_t mark);
/* The outermost transaction ended well: LOCAL values go. */
void pg_settings_commit(struct pg_settings *settings);

struct pg_setting_view {
	struct slice name;
	struct slice value;
	struct slice text;
};

size_t pg_settings_count(const struct pg_settings *settings);
struct pg_setting_view pg_settings_at(const struct pg_settings *settings, size_t index);
/* The next reported parameter whose value the client was not told; false when there is none. */
bool pg_settings_next_report(struct pg_settings *settings, struct pg_setting_view *out);
