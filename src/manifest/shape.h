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

struct shape {
	const char *name; /* as in messages: "a contract", "a port" */
	const struct field *fields;
	size_t count;
};

extern const struct shape shape_mesh;
extern const struct shape shape_domain;
extern const struct shape shape_source;
extern const struct shape shape_policy;
extern const struct shape shape_pipeline;
extern const struct shape shape_vocabulary;
extern const struct shape shape_product;
extern const struct shape shape_contract;

/* Checks node against shape; true when nothing was found. */
bool shape_check(struct arena *arena, const struct shape *shape, const struct node *node,
	struct manifest_problems *problems);
