/* Our own kinds. */
#include "manifest/read.h"

#include "base/str.h"

struct slices read_texts(struct arena *arena, const struct node *node)
{
	struct slices texts = {0};

	if (node && node->kind == NODE_SCALAR && !node_is_null(node))
		vec_push(arena, &texts, node->text);
	for (const struct node *item = node ? node->first : NULL; item; item = item->next)
		if (item->kind == NODE_SCALAR)
			vec_push(arena, &texts, item->text);
	return texts;
}

int64_t read_int(const struct node *node, int64_t fallback)
{
	int64_t value;

	return slice_to_i64(node_text(node), &value) ? value : fallback;
}

static int64_t read_size(const struct node *node)
{
	int64_t bytes;

	return manifest_size(node_text(node), &bytes) ? bytes : 0;
}

static int64_t read_duration(const struct node *node)
{
	int64_t us;

	return manifest_duration(node_text(node), &us) ? us : 0;
}

static void problem(struct reading *r, struct mark at, struct slice message, const char *expected)
{
	manifest_problem_add(r->problems, at, false, message, slice_from_c(expected), SLICE_NONE);
}

static const struct node *metadata_of(const struct node *root, const char *key)
{
	return node_get(node_get(root, "metadata"), key);
}

static struct slice description_of(const struct node *root)
{
	struct slice text = node_text(node_get(node_get(root, "spec"), "description"));

	return slice_is_none(text) ? node_text(metadata_of(root, "description")) : text;
}

void read_mesh(struct reading *r, const struct node *root)
{
	r->mesh = arena_new_of(r->arena, struct manifest_mesh);
	r->mesh->at = root->at;
	r->mesh->name = node_text(metadata_of(root, "name"));
	r->mesh->description = description_of(root);
	r->mesh->owners = read_texts(r->arena, node_get(node_get(root, "spec"), "owners"));
}

/* metadata.name must be what the path says. */
static void check_name(struct reading *r, const struct node *root, struct slice expected)
{
	const struct node *name = metadata_of(root, "name");

	if (!slice_is_none(node_text(name)) && !slice_equal(name->text, expected))
		problem(r, name->at,
			arena_printf(r->arena, "name \"%.*s\" does not fit the file's place",
				SLICE_FMT(name->text)),
			arena_printf(r->arena, "\"%.*s\", as in the path", SLICE_FMT(expected))
				.ptr);
}

void read_domain(struct reading *r, const struct node *root, struct slice domain)
{
	const struct node *spec = node_get(root, "spec");
	const struct node *infrastructure = node_get(spec, "infrastructure");
	const struct node *quotas = node_get(infrastructure, "quotas");

	check_name(r, root, domain);
	vec_push(r->arena, &r->domains,
		(struct manifest_domain){
			.at = root->at,
			.name = domain,
			.title = node_text(metadata_of(root, "title")),
			.description = description_of(root),
			.owners = read_texts(r->arena, node_get(spec, "owners")),
			.team = node_text(node_get(spec, "team")),
			.hidden = node_bool(node_get(spec, "hidden"), false),
			.storage = node_text(node_get(infrastructure, "storage")),
			.quota_bytes = read_size(node_get(quotas, "bytes")),
			.quota_memory_bytes = read_size(node_get(quotas, "memory")),
			.quota_runs = read_int(node_get(quotas, "concurrentRuns"), 0),
			.retention_us = read_duration(node_get(infrastructure, "retention")),
		});
}

/* password: {fromFile: …} or {fromEnv: …}; anything else would be a secret in a manifest. */
static void read_secret(struct reading *r, struct manifest_source *source, const struct node *node)
{
	struct slice file = node_text(node_get(node, "fromFile"));
	struct slice env = node_text(node_get(node, "fromEnv"));

	if (node->kind != NODE_MAPPING || node->count != 1 ||
		(slice_is_none(file) && slice_is_none(env))) {
		problem(r, node->at,
			arena_printf(r->arena, "%.*s is not a reference", SLICE_FMT(node->key)),
			"{fromFile: path} or {fromEnv: NAME}; a secret never stands in a manifest");
		return;
	}
	size_t count = source->secret_count + 1;
	struct manifest_secret *secrets = arena_grow(r->arena, source->secrets,
		source->secret_count * sizeof *secrets, count * sizeof *secrets);

	secrets[count - 1] = (struct manifest_secret){node->key, file, env, node->at};
	source->secrets = secrets;
	source->secret_count = count;
}

static bool is_secret_key(struct slice key)
{
	return slice_equal_c(key, "password") || slice_equal_c(key, "token");
}

static bool is_own_key(struct slice key)
{
	return slice_equal_c(key, "connector") || slice_equal_c(key, "description");
}

static void check_connector(
	struct reading *r, const struct node *spec, const struct manifest_source *source)
{
	bool database = slice_equal_c(source->connector, "postgres");
	bool path = node_get(spec, "path") != NULL;
	bool url = node_get(spec, "url") != NULL;

	if (database && (!node_get(spec, "host") || !node_get(spec, "database")))
		problem(r, spec->at, SLICE("a postgres source lacks host or database"),
			"host, database, user and a password reference");
	else if (!database && source->connector.len && path == url)
		problem(r, spec->at,
			path ? SLICE("a source has path and url")
			     : SLICE("a source lacks its path"),
			"path (a file or glob below sources.dirs) or url (http or https)");
}

void read_source(struct reading *r, const struct node *root, struct slice domain)
{
	const struct node *spec = node_get(root, "spec");
	struct manifest_source source = {
		.at = root->at,
		.domain = domain,
		.name = node_text(metadata_of(root, "name")),
		.description = description_of(root),
		.connector = node_text(node_get(spec, "connector")),
	};
	size_t count = spec ? spec->count : 0;

	source.settings = arena_array_of(r->arena, struct manifest_setting, count);
	for (const struct node *item = spec ? spec->first : NULL; item; item = item->next) {
		if (is_secret_key(item->key))
			read_secret(r, &source, item);
		else if (!is_own_key(item->key) && !slice_is_none(node_text(item)))
			source.settings[source.setting_count++] =
				(struct manifest_setting){item->key, item->text};
	}
	if (spec)
		check_connector(r, spec, &source);
	vec_push(r->arena, &r->sources, source);
}

/* An empty list would match everything, which nobody means who writes one. */
static void check_filled(struct reading *r, const struct node *node, const char *expected)
{
	if (node->first == NULL)
		problem(r, node->at, SLICE("this is empty"), expected);
	for (const struct node *item = node->first; item; item = item->next)
		if (read_texts(r->arena, item).len == 0)
			problem(r, item->at,
				arena_printf(r->arena, "\"%.*s\" is empty", SLICE_FMT(item->key)),
				"at least one name, or leave it out");
}

static struct manifest_who read_who(struct reading *r, const struct node *node)
{
	check_filled(r, node, "groups, users, roles or purposes");
	return (struct manifest_who){
		.groups = read_texts(r->arena, node_get(node, "groups")),
		.users = read_texts(r->arena, node_get(node, "users")),
		.roles = read_texts(r->arena, node_get(node, "roles")),
		.purposes = read_texts(r->arena, node_get(node, "purposes")),
	};
}

/* One entry, or a list of them. */
static struct manifest_who *read_whos(struct reading *r, const struct node *node, size_t *count_out)
{
	bool list = node && node->kind == NODE_SEQUENCE;
	struct manifest_who *whos =
		arena_array_of(r->arena, struct manifest_who, list ? node->count : 1);

	*count_out = 0;
	if (list && node->count == 0)
		problem(r, node->at, SLICE("this list is empty"),
			"at least one entry, or leave it out");
	if (node && node->kind == NODE_MAPPING)
		whos[(*count_out)++] = read_who(r, node);
	for (const struct node *item = list ? node->first : NULL; item; item = item->next)
		if (item->kind == NODE_MAPPING)
			whos[(*count_out)++] = read_who(r, item);
	return whos;
}

/* Each method has its settings. */
static void check_mask(struct reading *r, const struct node *mask, const struct manifest_policy *p)
{
	bool partial = slice_equal_c(p->mask_method, "partial");
	bool kept = p->mask_keep_first > 0 || p->mask_keep_last > 0 || p->mask_keep_after.len > 0;

	if (!mask)
		return;
	if (partial != kept)
		problem(r, mask->at, SLICE("method: partial and what it keeps belong together"),
			"keepFirst, keepLast or keepAfter with method: partial");
	if (slice_equal_c(p->mask_method, "constant") != !slice_is_none(p->mask_constant))
		problem(r, mask->at, SLICE("method: constant and constant belong together"),
			"constant: the text that stands for every value");
	if (slice_equal_c(p->mask_method, "truncate") != (p->mask_unit.len > 0))
		problem(r, mask->at, SLICE("method: truncate and unit belong together"),
			"unit: year, month, day, hour or a number");
}

/* What an effect needs and must not have. */
static void check_policy(
	struct reading *r, const struct node *spec, const struct manifest_policy *p)
{
	bool filter = slice_equal_c(p->effect, "filter");
	bool mask = slice_equal_c(p->effect, "mask");
	bool suppress = slice_equal_c(p->effect, "suppress");
	const struct node *on = node_get(spec, "on");

	if (on && on->kind == NODE_MAPPING)
		check_filled(r, on, "products, tables, columns, tags or classifications");
	if (filter != (p->filter.len > 0))
		problem(r, spec->at,
			filter ? SLICE("a filter policy lacks \"filter\"")
			       : SLICE("\"filter\" stands only in a filter policy"),
			"effect: filter with filter: an SQL condition over the table's columns");
	if (mask != (p->mask_method.len > 0))
		problem(r, spec->at,
			mask ? SLICE("a mask policy lacks \"mask\"")
			     : SLICE("\"mask\" stands only in a mask policy"),
			"effect: mask with mask: {method: …}");
	if (mask)
		check_mask(r, node_get(spec, "mask"), p);
	if (suppress != (p->min_group > 0))
		problem(r, spec->at, SLICE("\"minGroup\" and effect: suppress belong together"),
			"effect: suppress with minGroup: a number above 0");
	if (!suppress && (p->group_by.len || p->subject.len))
		problem(r, spec->at,
			SLICE("\"groupBy\" and \"subject\" stand only in a suppress policy"),
			"effect: suppress with minGroup, groupBy and subject");
}

void read_policy(struct reading *r, const struct node *root, struct slice domain)
{
	const struct node *spec = node_get(root, "spec");
	const struct node *on = node_get(spec, "on");
	const struct node *mask = node_get(spec, "mask");
	const struct node *filter = node_get(spec, "filter");
	struct manifest_policy policy = {
		.at = root->at,
		.name = node_text(metadata_of(root, "name")),
		.domain = domain,
		.description = description_of(root),
		.effect = node_text(node_get(spec, "effect")),
		.products = read_texts(r->arena, node_get(on, "products")),
		.tables = read_texts(r->arena, node_get(on, "tables")),
		.columns = read_texts(r->arena, node_get(on, "columns")),
		.tags = read_texts(r->arena, node_get(on, "tags")),
		.classifications = read_texts(r->arena, node_get(on, "classifications")),
		.filter = node_text(filter),
		.filter_at = filter ? filter->at : root->at,
		/* null without quotes is YAML's null, and here the name of a method */
		.mask_method = mask && node_is_null(node_get(mask, "method"))
				       ? SLICE("null")
				       : node_text(node_get(mask, "method")),
		.mask_constant = node_text(node_get(mask, "constant")),
		.mask_keep_after = node_text(node_get(mask, "keepAfter")),
		.mask_unit = node_text(node_get(mask, "unit")),
		.mask_keep_first = read_int(node_get(mask, "keepFirst"), 0),
		.mask_keep_last = read_int(node_get(mask, "keepLast"), 0),
		.min_group = read_int(node_get(spec, "minGroup"), 0),
		.group_by = read_texts(r->arena, node_get(spec, "groupBy")),
		.subject = node_text(node_get(spec, "subject")),
	};

	policy.to = read_whos(r, node_get(spec, "to"), &policy.to_count);
	policy.unless = read_whos(r, node_get(spec, "unless"), &policy.unless_count);
	if (spec)
		check_policy(r, spec, &policy);
	vec_push(r->arena, &r->policies, policy);
}

static void read_terms(struct reading *r, const struct node *list, enum term_kind kind)
{
	for (const struct node *item = list ? list->first : NULL; item; item = item->next)
		vec_push(r->arena, &r->terms,
			(struct manifest_term){
				.at = item->at,
				.kind = kind,
				.name = node_text(node_get(item, "name")),
				.description = node_text(node_get(item, "description")),
			});
}

void read_vocabulary(struct reading *r, const struct node *root)
{
	const struct node *spec = node_get(root, "spec");

	read_terms(r, node_get(spec, "tags"), TERM_TAG);
	read_terms(r, node_get(spec, "classifications"), TERM_CLASSIFICATION);
	read_terms(r, node_get(spec, "purposes"), TERM_PURPOSE);
}

static void read_ingest(
	struct reading *r, struct manifest_pipeline *pipeline, const struct node *list)
{
	pipeline->ingest = arena_array_of(r->arena, struct manifest_ingest, list ? list->count : 0);
	for (const struct node *item = list ? list->first : NULL; item; item = item->next) {
		struct manifest_ingest ingest = {
			.at = item->at,
			.table = node_text(node_get(item, "table")),
			.source = node_text(node_get(item, "source")),
			.object = node_text(node_get(item, "object")),
			.query = node_text(node_get(item, "query")),
			.incremental =
				slice_equal_c(node_text(node_get(item, "mode")), "incremental"),
			.cursor = node_text(node_get(item, "cursor")),
			.drift = node_text(node_get(item, "drift")),
			.partition_by = read_texts(r->arena, node_get(item, "partitionBy")),
		};

		if (slice_is_none(ingest.drift))
			ingest.drift = SLICE("fail");
		if (ingest.incremental != !slice_is_none(ingest.cursor))
			problem(r, item->at, SLICE("mode: incremental and cursor belong together"),
				"both, or neither");
		if (!slice_is_none(ingest.object) && !slice_is_none(ingest.query))
			problem(r, item->at, SLICE("an ingest entry has object and query"),
				"one of both");
		pipeline->ingest[pipeline->ingest_count++] = ingest;
	}
}

void read_pipeline(struct reading *r, const struct node *root, struct slice folder)
{
	const struct node *spec = node_get(root, "spec");
	const struct node *cron = node_get(node_get(spec, "schedule"), "cron");
	const struct node *retries = node_get(spec, "retries");
	struct slice trigger = node_text(node_get(node_get(spec, "triggers"), "upstream"));
	struct manifest_pipeline pipeline = {
		.at = root->at,
		.folder = folder,
		.name = node_text(metadata_of(root, "name")),
		.cron = node_text(cron),
		.cron_at = cron ? cron->at : root->at,
		.time_zone = node_text(node_get(node_get(spec, "schedule"), "timeZone")),
		.trigger = slice_equal_c(trigger, "all")    ? TRIGGER_ALL
			   : slice_equal_c(trigger, "none") ? TRIGGER_NONE
							    : TRIGGER_ANY,
		.retry_max = read_int(node_get(retries, "max"), 0),
		.retry_backoff_us = read_duration(node_get(retries, "backoff")),
	};

	if (pipeline.retry_backoff_us == 0)
		pipeline.retry_backoff_us = 10000000;
	read_ingest(r, &pipeline, node_get(spec, "ingest"));
	vec_push(r->arena, &r->pipelines, pipeline);
}
