#include "manifest/yaml.h"

#include <libfyaml.h>

#include "base/check.h"
#include "base/num.h"
#include "base/str.h"

enum {
	MAX_BYTES = 1 << 20,
	MAX_DEPTH = 40,
	MAX_NODES = 100000,
	MAX_KEYS = 1000, /* of one mapping: each is compared with those before it */
};

struct builder {
	struct arena *arena;
	const struct manifest_file *file;
	struct manifest_problems *problems;
	struct node *root;
	struct node *open; /* the collection that gets the next node */
	int depth;
	size_t nodes;
	int documents;
	bool key_next; /* the next scalar is a key of open */
	struct slice key;
	struct mark key_at;
	bool failed;
};

static void fail(struct builder *b, struct mark at, struct slice message, struct slice expected)
{
	b->failed = true;
	manifest_problem_add(b->problems, at, false, message, expected, SLICE_NONE);
}

static struct mark mark_of(const struct builder *b, struct fy_event *event)
{
	const struct fy_mark *mark = fy_event_start_mark(event);

	if (!mark)
		return (struct mark){b->file->path, 0, 0};
	return (struct mark){b->file->path, mark->line + 1, mark->column + 1};
}

static struct slice text_of(struct builder *b, struct fy_token *token)
{
	size_t len = 0;
	const char *text = token ? fy_token_get_text(token, &len) : NULL;

	return arena_copy(b->arena, slice_of(text ? text : "", text ? len : 0));
}

static bool has_key(const struct node *mapping, struct slice key)
{
	for (const struct node *n = mapping->first; n; n = n->next)
		if (slice_equal(n->key, key))
			return true;
	return false;
}

/* A scalar where a key is expected. */
static void take_key(struct builder *b, struct slice key, struct mark at)
{
	b->key = key;
	b->key_at = at;
	b->key_next = false;
	if (slice_equal_c(key, "<<"))
		fail(b, at, SLICE("merge keys are not read"), SLICE("the keys themselves"));
	else if (b->open->count >= MAX_KEYS)
		fail(b, at, SLICE("a mapping has too many keys"), SLICE("at most 1000"));
	else if (has_key(b->open, key))
		fail(b, at,
			arena_printf(b->arena, "key \"%.*s\" stands here twice", SLICE_FMT(key)),
			SLICE("each key once"));
}

static struct node *add_node(struct builder *b, enum node_kind kind, struct mark at)
{
	struct node *node = arena_new_of(b->arena, struct node);

	node->kind = kind;
	node->at = at;
	node->key_at = at;
	node->parent = b->open;
	if (++b->nodes > MAX_NODES)
		fail(b, at, SLICE("the file has too many values"), SLICE("at most 100000"));
	if (!b->open) {
		b->root = node;
		return node;
	}
	if (b->open->kind == NODE_MAPPING) {
		node->key = b->key;
		node->key_at = b->key_at;
		b->key_next = true;
	}
	if (b->open->last)
		b->open->last->next = node;
	else
		b->open->first = node;
	b->open->last = node;
	b->open->count++;
	return node;
}

static void open_collection(struct builder *b, enum node_kind kind, struct mark at)
{
	if (b->open && b->open->kind == NODE_MAPPING && b->key_next) {
		fail(b, at, SLICE("a key is a list or a mapping"), SLICE("a plain name"));
		return;
	}
	struct node *node = add_node(b, kind, at);

	if (++b->depth > MAX_DEPTH)
		fail(b, at, SLICE("values are nested too deeply"), SLICE("at most 40 levels"));
	b->open = node;
	b->key_next = kind == NODE_MAPPING;
}

static void close_collection(struct builder *b)
{
	check(b->open);
	b->open = b->open->parent;
	b->depth--;
	b->key_next = b->open && b->open->kind == NODE_MAPPING;
}

static void take_scalar(struct builder *b, struct fy_event *event)
{
	struct fy_token *token = event->scalar.value;
	struct slice text = text_of(b, token);
	struct mark at = mark_of(b, event);

	if (b->open && b->open->kind == NODE_MAPPING && b->key_next) {
		take_key(b, text, at);
		return;
	}
	struct node *node = add_node(b, NODE_SCALAR, at);

	node->text = text;
	node->plain = !token || fy_token_scalar_style(token) == FYSS_PLAIN;
}

static void take_event(struct builder *b, struct fy_event *event)
{
	bool value = event->type == FYET_SCALAR || event->type == FYET_SEQUENCE_START ||
		     event->type == FYET_MAPPING_START;

	if (event->type == FYET_ALIAS || (value && fy_event_get_anchor_token(event))) {
		fail(b, mark_of(b, event), SLICE("anchors and aliases are not read"),
			SLICE("the value written out"));
		return;
	}
	if (value && fy_event_get_tag_token(event)) {
		fail(b, mark_of(b, event), SLICE("tags (!name) are not read"),
			SLICE("a plain value"));
		return;
	}
	switch ((int)event->type) {
	case FYET_DOCUMENT_START:
		if (++b->documents > 1)
			fail(b, mark_of(b, event), SLICE("a second document begins here"),
				SLICE("one document in a file"));
		break;
	case FYET_SCALAR: take_scalar(b, event); break;
	case FYET_SEQUENCE_START: open_collection(b, NODE_SEQUENCE, mark_of(b, event)); break;
	case FYET_MAPPING_START: open_collection(b, NODE_MAPPING, mark_of(b, event)); break;
	case FYET_SEQUENCE_END:
	case FYET_MAPPING_END: close_collection(b); break;
	default: break;
	}
}

/* libfyaml's first message; its own list of them is never freed (0.7), so it is taken as text. */
struct first_message {
	char text[512];
	size_t len;
};

static void keep_first(struct fy_diag *diag, void *user, const char *text, size_t len)
{
	struct first_message *first = user;

	(void)diag;
	if (first->len || slice_find(slice_of(text, len), SLICE("error: "), 0) == SIZE_MAX)
		return;
	first->len = min_of(len, sizeof first->text);
	memcpy(first->text, text, first->len);
}

/* "name:3:5: error: what is wrong\n…" to its place and text. */
static void report_syntax(struct builder *b, const struct first_message *first)
{
	struct slice rest = slice_of(first->text, first->len);
	struct slice line = slice_split(&rest, '\n');
	struct mark at = {b->file->path, 1, 1};
	size_t error = slice_find(line, SLICE("error: "), 0);
	struct slice place = slice_sub(line, 0, error == SIZE_MAX ? 0 : error);
	struct slice message =
		error == SIZE_MAX ? SLICE("syntax error") : slice_sub(line, error + 7, line.len);
	int64_t number;

	slice_split(&place, ':');
	if (slice_to_i64(slice_trim(slice_split(&place, ':')), &number))
		at.line = (int)number;
	if (slice_to_i64(slice_trim(slice_split(&place, ':')), &number))
		at.column = (int)number;
	fail(b, at, arena_printf(b->arena, "not valid YAML: %.*s", SLICE_FMT(message)), SLICE_NONE);
}

static bool text_is_clean(struct builder *b)
{
	struct slice text = b->file->text;
	struct mark at = {b->file->path, 1, 1};

	if (text.len > MAX_BYTES)
		fail(b, at, SLICE("the file is too large"), SLICE("at most 1 MiB"));
	else if (!slice_is_utf8(text))
		fail(b, at, SLICE("the file is not valid UTF-8"), SLICE("UTF-8 text"));
	else if (text.len && memchr(text.ptr, 0, text.len))
		fail(b, at, SLICE("the file holds a NUL byte"), SLICE("text"));
	return !b->failed;
}

static void run_parser(struct builder *b, struct fy_parser *parser, struct fy_diag *diag,
	const struct first_message *first)
{
	struct fy_event *event;

	if (fy_parser_set_string(parser, b->file->text.ptr, b->file->text.len) != 0) {
		report_syntax(b, first);
		return;
	}
	while (!b->failed && (event = fy_parser_parse(parser)) != NULL) {
		take_event(b, event);
		fy_parser_event_free(parser, event);
	}
	if (!b->failed && fy_diag_got_error(diag))
		report_syntax(b, first);
}

struct node *yaml_parse(
	struct arena *arena, const struct manifest_file *file, struct manifest_problems *problems)
{
	struct builder b = {.arena = arena, .file = file, .problems = problems};
	struct fy_diag_cfg diag_cfg;
	struct first_message first = {.len = 0};
	struct fy_parse_cfg cfg = {
		.flags = FYPCF_DEFAULT_VERSION_1_2 | FYPCF_DISABLE_MMAP_OPT | FYPCF_JSON_NONE};

	if (!text_is_clean(&b))
		return NULL;
	fy_diag_cfg_default(&diag_cfg);
	diag_cfg.fp = NULL;
	diag_cfg.output_fn = keep_first;
	diag_cfg.user = &first;
	diag_cfg.colorize = false;
	diag_cfg.show_source = false;
	struct fy_diag *diag = fy_diag_create(&diag_cfg);

	check(diag);
	cfg.diag = diag;
	struct fy_parser *parser = fy_parser_create(&cfg);

	check(parser);
	if (file->text.len)
		run_parser(&b, parser, diag, &first);
	fy_parser_destroy(parser);
	fy_diag_destroy(diag);
	if (b.failed)
		return NULL;
	if (!b.root || node_is_null(b.root)) {
		struct node *empty = arena_new_of(arena, struct node);

		*empty = (struct node){.kind = NODE_MAPPING, .at = {file->path, 1, 1}};
		return empty;
	}
	return b.root;
}

const struct node *node_get(const struct node *node, const char *key)
{
	if (!node || node->kind != NODE_MAPPING)
		return NULL;
	for (const struct node *n = node->first; n; n = n->next)
		if (slice_equal_c(n->key, key))
			return n;
	return NULL;
}

bool node_is_null(const struct node *node)
{
	return node && node->kind == NODE_SCALAR && node->plain &&
	       (node->text.len == 0 || slice_equal_c(node->text, "null") ||
		       slice_equal_c(node->text, "~") || slice_equal_c(node->text, "Null") ||
		       slice_equal_c(node->text, "NULL"));
}

struct slice node_text(const struct node *node)
{
	if (!node || node->kind != NODE_SCALAR || node_is_null(node))
		return SLICE_NONE;
	return node->text;
}

bool node_bool(const struct node *node, bool fallback)
{
	struct slice text = node_text(node);

	if (slice_equal_nocase(text, SLICE("true")))
		return true;
	return slice_equal_nocase(text, SLICE("false")) ? false : fallback;
}
