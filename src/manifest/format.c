/* The one form of a manifest, by libfyaml's emitter; comments stay where they were. */
#include <libfyaml.h>
#include <stdlib.h>

#include "base/check.h"
#include "manifest/manifest.h"

bool manifest_format(struct arena *arena, struct slice text, struct slice *out, struct error *err)
{
	struct fy_parse_cfg cfg = {.flags = FYPCF_QUIET | FYPCF_DEFAULT_VERSION_1_2 |
					    FYPCF_PARSE_COMMENTS | FYPCF_JSON_NONE};

	struct fy_diag_cfg quiet;

	fy_diag_cfg_default(&quiet);
	quiet.fp = NULL;
	if (text.len == 0) {
		*out = SLICE("");
		return true;
	}
	struct fy_diag *diag = fy_diag_create(&quiet);

	check(diag);
	fy_diag_set_collect_errors(diag, true);
	cfg.diag = diag;
	struct fy_document *document = fy_document_build_from_string(&cfg, text.ptr, text.len);

	fy_diag_unref(diag);
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
