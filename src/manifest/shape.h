#pragma once

#include "manifest/yaml.h"

/*
 * What may stand where: one table per kind of object (shapes.c), and one walk that checks a tree
 * against it and reports every problem. After that the readers may take values without looking
 * twice.
 */
enum field_kind {
	FIELD_TEXT,
	FIELD_NAME, /* [a-z][a-z0-9_]*, at most 63 characters: what SQL can name without quotes */
	FIELD_BOOL,
	FIELD_INT,
	FIELD_NUMBER,
	FIELD_SIZE,
	FIELD_DURATION,
	FIELD_CHOICE,	   /* words in `choice`, separated by | */
	FIELD_TEXTS,	   /* list of texts; a single text stands for a list of one */
	FIELD_TWO,	   /* list of two numbers, the smaller first */
	FIELD_OBJECT,	   /* of `shape` */
	FIELD_OBJECTS,	   /* list of them */
	FIELD_ONE_OR_MORE, /* one, or a list of them */
	FIELD_ANY,	   /* kept, not looked at */
	FIELD_SETTINGS,	   /* mapping of names to scalars */
	/* of the standards */
	FIELD_INTEGER,	      /* whole number of either sign */
	FIELD_POSITIVE,	      /* number above 0 */
	FIELD_SCALAR,	      /* a value of any type, also null */
	FIELD_LIST,	      /* list of anything */
	FIELD_KEYS,	      /* list of texts, at least one, each once */
	FIELD_ID,	      /* ODCS's stable id: letters, digits, - and _ */
	FIELD_DATE,	      /* 2026-01-31 */
	FIELD_TIME,	      /* 2026-01-31T12:00:00Z */
	FIELD_TEXT_OR_OBJECT, /* text, or a mapping of anything */
	FIELD_REFERENCES,     /* "table.column", or a list of them */
};

enum field_flags {
	FIELD_REQUIRED = 1 << 0,
};

struct shape;

struct field {
	const char *key;
	enum field_kind kind;
	unsigned flags;
	const char *choice;
	const struct shape *shape;
};

/*
 * variant: more fields that depend on what else stands in the node, such as a server's by its
 * type; NULL, or a function that may give NULL. standard: set for a file of ODPS or ODCS: what
 * other readers of it would take for another type (a number where text belongs) is a warning, and
 * a list is never written as a single value. open: unknown keys are kept with a warning.
 */
struct shape {
	const char *name; /* as in messages: "a contract", "a port" */
	const struct field *fields;
	size_t count;
	const struct shape *(*variant)(const struct node *node);
	bool standard;
	bool open;
};

#define OPTIONAL(key, kind)                                                                        \
	{                                                                                          \
		key, kind, 0, NULL, NULL                                                           \
	}
#define REQUIRED(key, kind)                                                                        \
	{                                                                                          \
		key, kind, FIELD_REQUIRED, NULL, NULL                                              \
	}
#define WORDS(key, choice)                                                                         \
	{                                                                                          \
		key, FIELD_CHOICE, 0, choice, NULL                                                 \
	}
#define OBJECT(key, ident)                                                                         \
	{                                                                                          \
		key, FIELD_OBJECT, 0, NULL, &shape_##ident                                         \
	}
#define OBJECTS(key, ident)                                                                        \
	{                                                                                          \
		key, FIELD_OBJECTS, 0, NULL, &shape_##ident                                        \
	}
#define SHAPE_OF(ident, text)                                                                      \
	{                                                                                          \
		.name = (text), .fields = ident##_fields, .count = array_len(ident##_fields)       \
	}

extern const struct shape shape_mesh;
extern const struct shape shape_domain;
extern const struct shape shape_source;
extern const struct shape shape_policy;
extern const struct shape shape_pipeline;
extern const struct shape shape_vocabulary;
extern const struct shape shape_product;
extern const struct shape shape_contract;

/* What SQL can name without quotes: [a-z][a-z0-9_]*, at most 63 characters. */
bool shape_is_name(struct slice text);
/* Checks node against shape; true when nothing was found. */
bool shape_check(struct arena *arena, const struct shape *shape, const struct node *node,
	struct manifest_problems *problems);
