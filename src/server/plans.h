#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "server/pool.h"
#include "server/query.h"
#include "server/wire.h"
#include "sql/sql.h"

/*
 * A statement that was parsed, inspected and decided for one principal at one state of the model,
 * ready to be prepared in a worker; and the cache of them. Plans are counted and never change after
 * plans_add, but for the description, which is set once. Any thread.
 */
struct plan_table {
	struct slice domain;
	struct slice name;
	int64_t version;	     /* of the product; 0 for system tables */
	bool older;		     /* the version is not the model's: AT, or as_of */
	struct slice product;	     /* its full name */
	bool system;		     /* rows are made by the server for each preparation */
	const struct slice *columns; /* read or perhaps read */
	size_t column_count;
	bool few;	       /* its files hold little; false when restricted */
	bool restricted;       /* rows filtered, columns masked or groups suppressed */
	struct slice decision; /* JSON for the audit: policies and what they did */
	uint64_t digest;       /* of the decision, to see a change while it runs */
	bool failed;	       /* the rows that failed a check: for owners */
};

/* Of a statement over several nodes: what one of the others is asked for, one table. */
struct plan_part {
	struct slice node;
	struct slice text; /* the statement for it */
	size_t relation;   /* its place in relations and tables: columns come with the answer */
	const struct slice *columns; /* that are asked for, in order; count 0 = all there are */
	size_t column_count;
	int position;	     /* of the reference in the text */
	struct error absent; /* as plan->absent */
};

/* Where a table reference belongs. */
struct plan_home {
	struct slice node;   /* another one; none = this one */
	struct slice domain; /* with node: also for a bare name */
};

/* What a plan may be reused for: digest of text, policy key, model epochs, search path, parameter
 * types. */
struct plan_key {
	uint64_t words[2];
};

struct plan {
	atomic_uint refs;
	uint64_t id; /* never 0, never reused while the cache lives */
	struct plan_key key;
	struct arena *arena;
	struct worker_key worker_key;
	struct slice text;
	struct slice node; /* another one, to which the statement goes whole; none = it runs here */
	struct error *absent; /* with node, as tables: what is said of one that not all may know of
				 while the node is down */
	bool catalogue;	      /* names pg_catalog: the worker translates the text */
	bool small;	      /* gives few rows, whatever is hidden: see W_PREPARE */
	bool fresh;	  /* not to be kept: has system tables, whose rows are made anew for each
			     preparation, rows of other nodes, or failing rows, whose files come
			     and go with runs */
	int64_t as_of_us; /* query_as_of_us */
	struct plan_table *tables;
	size_t table_count;
	struct wire_relation *relations;
	size_t relation_count;
	struct plan_home *homes; /* of each reference, for statements over several nodes */
	struct plan_part *parts;
	size_t part_count;
	struct wire_at *ats;
	size_t at_count;
	uint32_t *param_oids;
	size_t param_oid_count;
	struct slice *files; /* of all relations, for the choice of a worker */
	size_t file_count;
	struct slice *notices;
	size_t notice_count;
	struct slice *explain; /* lines */
	size_t explain_count;
	_Atomic(struct wire_prepared *)
		description; /* in an arena of its own, NULL until prepared */
	atomic_size_t description_bytes;
	struct arena *description_arena;
};

struct plans;

/* With one reference; belongs to no cache before plans_add. */
struct plan *plan_new(struct plans *plans);
struct plan *plan_ref(struct plan *plan);
void plan_unref(struct plan **plan);
/* Keeps the first of several descriptions; arena is taken. */
const struct wire_prepared *plan_describe_take(
	struct plan *plan, struct wire_prepared *description, struct arena *arena);

struct plans *plans_new(size_t max_plans, size_t max_bytes);
void plans_free(struct plans **plans);
/* Counted, or NULL. */
struct plan *plans_find(struct plans *plans, struct plan_key key);
/* Keeps a reference of its own, and drops the least recently used ones over a limit; a plan that is
 * larger than all may be is not kept. */
void plans_add(struct plans *plans, struct plan *plan);
void plans_clear(struct plans *plans);
struct plans_use {
	size_t plans;
	size_t bytes;
	uint64_t dropped; /* over a limit, since the start */
};
struct plans_use plans_use(struct plans *plans);

/* Digest of parts, in order, each with its length; the bytes may hold anything. */
void digest_parts(const struct slice *parts, size_t count, uint64_t words_out[2]);
