/* See session.h. Both lists are short (64), kept in order of last use. */
#include "engine/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arrow/abi.h"
#include "arrow/ipc.h"
#include "base/check.h"
#include "base/str.h"
#include "engine/append.h"

enum { MAX_STATEMENTS = 64 };

struct catalogue {
	char *relations; /* its identity, NULL = never shared */
	size_t relations_len;
	unsigned number; /* the database is called c<number> */
	unsigned users;	 /* statements */
};

struct entry {
	char *key;
	size_t key_len;
	char *text;
	struct engine_statement *statement;
	struct catalogue *catalogue;
	uint64_t used;
};

struct session {
	struct engine *engine;
	struct entry entries[MAX_STATEMENTS];
	struct catalogue *current; /* of USE */
	unsigned next_number;
	uint64_t clock;
};

struct session *session_new(struct engine *engine)
{
	struct session *session = calloc(1, sizeof *session);
	check(session);
	session->engine = engine;
	return session;
}

static bool run_on(struct session *session, struct error *err, const char *command, unsigned number)
{
	char sql[64];
	snprintf(sql, sizeof sql, "%s c%u", command, number);
	return engine_run(session->engine, slice_from_c(sql), err);
}

static bool use(struct session *session, struct catalogue *catalogue, struct error *err)
{
	if (session->current == catalogue)
		return true;
	if (!run_on(session, err, "USE", catalogue->number))
		return false;
	session->current = catalogue;
	return true;
}

/* An error of detaching leaves an unused empty name behind, which harms nobody. */
static void drop_catalogue(struct session *session, struct catalogue *catalogue)
{
	struct error ignored;
	if (session->current == catalogue) {
		session->current = NULL;
		if (!engine_run(session->engine, SLICE("USE memory"), &ignored))
			return;
	}
	if (run_on(session, &ignored, "DETACH", catalogue->number)) {
		free(catalogue->relations);
		free(catalogue);
	}
}

static void drop_entry(struct session *session, struct entry *entry)
{
	engine_statement_free(&entry->statement);
	if (entry->catalogue && --entry->catalogue->users == 0)
		drop_catalogue(session, entry->catalogue);
	free(entry->key);
	free(entry->text);
	*entry = (struct entry){0};
}

void session_free(struct session **session)
{
	if (!*session)
		return;
	for (size_t i = 0; i < MAX_STATEMENTS; i++)
		drop_entry(*session, &(*session)->entries[i]);
	free(*session);
	*session = NULL;
}

static struct entry *find_entry(struct session *session, struct slice key)
{
	for (size_t i = 0; i < MAX_STATEMENTS; i++) {
		struct entry *e = &session->entries[i];
		if (e->statement && slice_equal(slice_of(e->key, e->key_len), key))
			return e;
	}
	return NULL;
}

/* Relations of pg_catalog and information_schema go by other names: DuckDB owns these two in every
 * database. */
static void add_schema(struct str *sql, struct slice schema)
{
	bool taken = slice_equal_nocase(schema, SLICE("pg_catalog")) ||
		     slice_equal_nocase(schema, SLICE("information_schema"));
	str_add_sql_ident(
		sql, taken ? arena_printf(sql->arena, "__%.*s", SLICE_FMT(schema)) : schema);
}

static bool fill(
	struct session *session, struct arena *arena, const struct relation *r, struct error *err)
{
	scoped(arrow_reader_free) struct arrow_reader *reader = NULL;
	scoped(engine_append_free) struct engine_appender *appender = NULL;
	struct slice schema = r->schema;
	if (slice_equal_nocase(schema, SLICE("pg_catalog")) ||
		slice_equal_nocase(schema, SLICE("information_schema")))
		schema = arena_printf(arena, "__%.*s", SLICE_FMT(schema));
	/* A statement may be prepared more than once; what cannot be rewound is a live stream. */
	lseek(r->fd, 0, SEEK_SET);
	if (!arrow_reader_open(r->fd, &reader, err) ||
		!engine_append_open(session->engine, SLICE_NONE, schema, r->name, &appender, err))
		return false;
	if (arrow_reader_schema(reader)->n_children != (int64_t)r->column_count)
		return error_set(
			err, PROTOCOL_VIOLATION, "the rows have other columns than announced");
	for (bool more = true; more;) {
		struct ArrowArray batch = {0};
		if (!arrow_reader_next(reader, &batch, &more, err) ||
			(more && !engine_append_arrow(
					 appender, arrow_reader_schema(reader), &batch, err)))
			return false;
	}
	return engine_append_close(appender, err);
}

/* Rows that came on a descriptor become a table. */
static bool add_table(
	struct session *session, struct arena *arena, const struct relation *r, struct error *err)
{
	struct str sql = str_in(arena);
	str_add_c(&sql, "CREATE TABLE ");
	add_schema(&sql, r->schema);
	str_add_char(&sql, '.');
	str_add_sql_ident(&sql, r->name);
	for (size_t i = 0; i < r->column_count; i++) {
		str_add_c(&sql, i ? ", " : " (");
		str_add_sql_ident(&sql, r->columns[i].name);
		str_printf(&sql, " %.*s", SLICE_FMT(r->columns[i].type));
	}
	str_add_char(&sql, ')');
	return engine_run(session->engine, str_slice(&sql), err) && fill(session, arena, r, err);
}

static bool add_view(
	struct session *session, struct arena *arena, const struct relation *r, struct error *err)
{
	struct str sql = str_in(arena);
	struct slice select;
	if (!relation_select(arena, session->engine, r, &select, err))
		return false;
	str_add_c(&sql, "CREATE VIEW ");
	add_schema(&sql, r->schema);
	str_add_char(&sql, '.');
	str_add_sql_ident(&sql, r->name);
	str_printf(&sql, " AS %.*s", SLICE_FMT(select));
	return engine_run(session->engine, str_slice(&sql), err);
}

static bool add_relations(struct session *session, struct arena *arena,
	const struct session_statement *s, struct error *err)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct relation *r = &s->list[i];
		struct str sql = str_in(arena);
		str_add_c(&sql, "CREATE SCHEMA IF NOT EXISTS ");
		add_schema(&sql, r->schema);
		if (!engine_run(session->engine, str_slice(&sql), err) ||
			!(r->fd >= 0 ? add_table(session, arena, r, err)
				     : add_view(session, arena, r, err)))
			/* A text of ours failed, not one of the user's. */
			return error_wrap(
				err, "table %.*s.%.*s", SLICE_FMT(r->schema), SLICE_FMT(r->name));
	}
	return true;
}

static struct catalogue *find_catalogue(struct session *session, struct slice relations)
{
	for (size_t i = 0; i < MAX_STATEMENTS && !slice_is_none(relations); i++) {
		struct catalogue *c = session->entries[i].catalogue;
		if (c && c->relations &&
			slice_equal(slice_of(c->relations, c->relations_len), relations))
			return c;
	}
	return NULL;
}

static char *copy(struct slice text)
{
	char *bytes = malloc(text.len + 1);
	check(bytes);
	if (text.len)
		memcpy(bytes, text.ptr, text.len);
	bytes[text.len] = 0;
	return bytes;
}

static bool make_catalogue(struct session *session, const struct session_statement *s,
	struct catalogue **out, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	struct catalogue *catalogue = calloc(1, sizeof *catalogue);
	check(catalogue);
	catalogue->number = session->next_number++;
	if (!slice_is_none(s->relations)) {
		catalogue->relations = copy(s->relations);
		catalogue->relations_len = s->relations.len;
	}
	if (!run_on(session, err, "ATTACH ':memory:' AS", catalogue->number)) {
		free(catalogue->relations);
		free(catalogue);
		return false;
	}
	if (!use(session, catalogue, err) || !add_relations(session, arena, s, err)) {
		err->position = 0;
		drop_catalogue(session, catalogue);
		return false; /* NOLINT(clang-analyzer-unix.Malloc): kept if it cannot be detached
			       */
	}
	*out = catalogue;
	return true;
}

static struct entry *free_entry(struct session *session)
{
	struct entry *oldest = &session->entries[0];
	for (size_t i = 0; i < MAX_STATEMENTS; i++) {
		struct entry *e = &session->entries[i];
		if (!e->statement)
			return e;
		if (e->used < oldest->used)
			oldest = e;
	}
	drop_entry(session, oldest);
	return oldest;
}

bool session_prepare(struct session *session, const struct session_statement *s,
	struct engine_statement **out, struct error *err)
{
	struct entry *old = find_entry(session, s->key);
	if (old)
		drop_entry(session, old);
	struct catalogue *catalogue = find_catalogue(session, s->relations);
	if (!catalogue && !make_catalogue(session, s, &catalogue, err))
		return false;
	catalogue->users++; /* before free_entry, which may drop its last other user */
	struct engine_statement *statement = NULL;
	bool (*make)(struct engine *, struct slice, struct engine_statement **, struct error *) =
		s->small ? engine_run_small : engine_prepare;
	if (!use(session, catalogue, err) || !make(session->engine, s->text, &statement, err)) {
		if (--catalogue->users == 0)
			drop_catalogue(session, catalogue);
		return false;
	}
	struct entry *entry = free_entry(session);
	*entry = (struct entry){.key = copy(s->key),
		.key_len = s->key.len,
		.text = copy(s->text),
		.statement = statement,
		.catalogue = catalogue,
		.used = ++session->clock};
	*out = statement;
	return true;
}

bool session_find(
	struct session *session, struct slice key, struct engine_statement **out, struct error *err)
{
	struct entry *entry = find_entry(session, key);
	*out = NULL;
	if (!entry)
		return true;
	if (!use(session, entry->catalogue, err))
		return false;
	entry->used = ++session->clock;
	*out = entry->statement;
	return true;
}

struct slice session_text(struct session *session, struct slice key)
{
	struct entry *entry = find_entry(session, key);
	return slice_from_c(entry ? entry->text : NULL);
}

bool session_prepare_beside(struct session *session, struct slice key, struct slice text,
	struct engine_statement **out, struct error *err)
{
	struct entry *entry = find_entry(session, key);
	if (!entry)
		return error_set(err, INVALID_STATEMENT_NAME, "the statement is not prepared");
	return use(session, entry->catalogue, err) &&
	       engine_prepare(session->engine, text, out, err);
}
