/* The one form of a manifest, by libfyaml's emitter; comments stay where they were. */
#include <libfyaml.h>
#include <stdlib.h>

#include "base/check.h"
#include "manifest/yaml.h"

/* What could not be read as a manifest (anchors, a second document) is not formatted either. */
static const struct node *read_text(struct arena *arena, struct slice text, struct error *err)
{
	struct manifest_problems problems = {.arena = arena};
	struct manifest_file file = {SLICE(""), text};

	const struct node *root = yaml_parse(arena, &file, &problems);

	if (!root)
		error_set(err, SYNTAX_ERROR, "line %d, column %d: %.*s", problems.items[0].at.line,
			problems.items[0].at.column, SLICE_FMT(problems.items[0].message));
	return root;
}

bool manifest_format(struct arena *arena, struct slice text, struct slice *out, struct error *err)
{
	struct fy_parse_cfg cfg = {.flags = FYPCF_QUIET | FYPCF_DEFAULT_VERSION_1_2 |
					    FYPCF_PARSE_COMMENTS | FYPCF_JSON_NONE};
	struct fy_diag_cfg quiet;

	const struct node *root = read_text(arena, text, err);

	if (!root)
		return false;
	if (root->kind == NODE_MAPPING && root->count == 0) { /* comments alone, or nothing */
		*out = text;
		return true;
	}
	fy_diag_cfg_default(&quiet);
	quiet.fp = NULL;
	cfg.diag = fy_diag_create(&quiet);
	check(cfg.diag);
	struct fy_document *document = fy_document_build_from_string(&cfg, text.ptr, text.len);

	fy_diag_unref(cfg.diag);
	if (!document)
		return error_set(err, SYNTAX_ERROR, "the text is not valid YAML");
	char *emitted = fy_emit_document_to_string(document,
		FYECF_MODE_ORIGINAL | FYECF_INDENT_2 | FYECF_WIDTH_INF | FYECF_OUTPUT_COMMENTS);

	fy_document_destroy(document);
	if (!emitted)
		return error_set(err, SYNTAX_ERROR, "the text cannot be written as YAML");
	*out = arena_copy(arena, slice_from_c(emitted));
	free(emitted);
	return true;
}
