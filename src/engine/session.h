#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "engine/engine.h"
#include "engine/relation.h"

/*
 * Session catalogues: a statement is prepared in an in-memory database that holds nothing but the
 * governed views (and inline tables) of its own relations, so that it can name nothing else.
 * Statements are kept by key (the last 64); statements with the same relations share a catalogue,
 * others never see each other's.
 */
struct session;

struct session_statement {
	struct slice key;
	struct slice text;	/* what runs; already without AT clauses, translated */
	struct slice relations; /* identity of the set: equal bytes, equal catalogue; none = never
				   shared */
	const struct relation *list;
	size_t count;
	bool small; /* by engine_run_small: no parameters, few rows, wanted at once */
};

struct session *session_new(struct engine *engine);
void session_free(struct session **session);
/* Replaces a statement of the same key. Borrowed until the key falls out or session_free. */
bool session_prepare(struct session *session, const struct session_statement *statement,
	struct engine_statement **out, struct error *err) must_check;
/* NULL when the key is not known (any more). Makes its catalogue the current one. */
bool session_find(struct session *session, struct slice key, struct engine_statement **out,
	struct error *err) must_check;
/* Another text in the catalogue of a kept statement (COPY of it to a file); owned by the caller. */
bool session_prepare_beside(struct session *session, struct slice key, struct slice text,
	struct engine_statement **out, struct error *err) must_check;
/* The text that key was prepared from. */
struct slice session_text(struct session *session, struct slice key);
