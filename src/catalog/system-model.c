/* Rows of mesh.* that the model alone gives. Each asks first what the principal may know of. */
#include "base/vec.h"
#include "catalog/system-private.h"

static const char *const EFFECTS[] = {"allow", "deny", "filter", "mask", "suppress"};

static struct slice table_name(const struct model_table *t)
{
	return t->newest_major ? t->name : t->key;
}

static int64_t count_products(const struct filling *f, const struct model_domain *domain)
{
	int64_t count = 0;

	for (size_t i = 0; i < domain->product_count; i++)
		count += model_sees_product(f->model, f->principal, domain->products[i]);
	return count;
}

/* Whose it is, for tables whose rows come from all nodes. */
static void row_node(struct filling *f, int node, int seen_at)
{
	row_text(f, node, f->node);
	row_time(f, seen_at, f->seen_us);
}

bool fill_domains(struct filling *f)
{
	for (size_t i = 0; i < f->model->domain_count; i++) {
		const struct model_domain *d = &f->model->domains[i];

		if (!f->principal->admin && !model_sees_domain(f->model, f->principal, d))
			continue;
		row_begin(f);
		row_text(f, mesh_domains_domain, d->name);
		row_text(f, mesh_domains_title, d->title);
		row_text(f, mesh_domains_description, d->description);
		row_list(f, mesh_domains_owners, d->owners, d->owner_count);
		row_text(f, mesh_domains_team, d->team);
		row_int(f, mesh_domains_products, count_products(f, d));
		row_bool(f, mesh_domains_hidden, d->hidden);
		row_node(f, mesh_domains_node, mesh_domains_seen_at);
		row_end(f);
	}
	return !f->failed;
}

bool fill_sources(struct filling *f)
{
	for (size_t i = 0; i < f->model->domain_count; i++) {
		const struct model_domain *d = &f->model->domains[i];

		if (!f->principal->admin && !model_owns_domain(f->principal, d))
			continue;
		for (size_t s = 0; s < d->source_count; s++) {
			row_begin(f);
			row_text(f, mesh_sources_domain, d->name);
			row_text(f, mesh_sources_source, d->sources[s].name);
			row_text(f, mesh_sources_connector, d->sources[s].connector);
			row_text(f, mesh_sources_description, d->sources[s].description);
			row_text(f, mesh_sources_path, d->sources[s].path);
			row_end(f);
		}
	}
	return !f->failed;
}

static const char *product_access(struct filling *f, const struct model_product *p)
{
	if (model_owns_product(f->principal, p))
		return "owner";
	for (size_t i = 0; i < p->table_count; i++) {
		const struct model_access *access = filling_access(f, p->tables[i]);

		if (access && access->decision.outcome == DECISION_ALLOW)
			return "read";
	}
	return "none";
}

static void list_inputs(struct filling *f, const struct model_product *p)
{
	VEC(struct slice) names = {0};

	for (size_t i = 0; i < p->input_count; i++)
		if (model_sees_product(f->model, f->principal, p->inputs[i]))
			vec_push(f->arena, &names, p->inputs[i]->full_name);
	row_list(f, mesh_products_inputs, names.items, names.len);
}

bool fill_products(struct filling *f)
{
	for (size_t i = 0; i < f->model->product_count; i++) {
		const struct model_product *p = &f->model->products[i];

		if (!f->principal->admin && !model_sees_product(f->model, f->principal, p))
			continue;
		row_begin(f);
		row_text(f, mesh_products_domain, p->domain->name);
		row_text(f, mesh_products_product, p->name);
		row_text(f, mesh_products_description, p->description);
		row_text(f, mesh_products_kind, p->kind);
		row_c(f, mesh_products_status, model_status_name(p->status));
		row_list(f, mesh_products_owners, p->owners, p->owner_count);
		row_list(f, mesh_products_tags, p->tags, p->tag_count);
		list_inputs(f, p);
		if (p->version)
			row_int(f, mesh_products_version, p->version);
		row_time(f, mesh_products_published_at, p->published_us);
		if (!f->copied)
			row_c(f, mesh_products_access, product_access(f, p));
		row_text(f, mesh_products_schedule, p->schedule);
		row_node(f, mesh_products_node, mesh_products_seen_at);
		row_end(f);
	}
	return !f->failed;
}

/* The number of rows is for who reads all of them; sizes on disk tell of masked values, too. */
static void table_sizes(struct filling *f, const struct model_access *access)
{
	const struct decision *d = &access->decision;
	const struct model_table *t = access->table;

	if (d->outcome != DECISION_ALLOW || d->filter_count || d->suppress.min_group || !t->version)
		return;
	row_int(f, mesh_tables_row_count, t->rows);
	if (!policy_shows_all(d, t->column_count))
		return;
	row_int(f, mesh_tables_bytes, t->bytes);
	row_int(f, mesh_tables_files, t->file_count);
}

static void table_filters(struct filling *f, const struct decision *d)
{
	struct slice *names = arena_array_of(f->arena, struct slice, d->filter_count);

	for (size_t i = 0; i < d->filter_count; i++)
		names[i] = d->filters[i].policy;
	row_list(f, mesh_tables_row_filters, names, d->filter_count);
	if (d->suppress.min_group)
		row_int(f, mesh_tables_min_group, d->suppress.min_group);
}

bool fill_tables(struct filling *f)
{
	for (size_t i = 0; i < f->model->table_count; i++) {
		const struct model_table *t = &f->model->tables[i];
		const struct model_access *access = filling_access(f, t);

		if (!access)
			continue;
		row_begin(f);
		row_text(f, mesh_tables_domain, t->product->domain->name);
		row_text(f, mesh_tables_table_name, table_name(t));
		row_text(f, mesh_tables_product, t->product->name);
		row_int(f, mesh_tables_major, t->major);
		row_text(f, mesh_tables_description, t->description);
		if (t->version)
			row_int(f, mesh_tables_version, t->version);
		row_time(f, mesh_tables_published_at, t->published_us);
		if (!f->copied)
			row_c(f, mesh_tables_access, filling_access_name(f, access));
		table_sizes(f, access);
		table_filters(f, &access->decision);
		row_node(f, mesh_tables_node, mesh_tables_seen_at);
		row_end(f);
	}
	return !f->failed;
}

static void fill_column(struct filling *f, const struct model_access *access, size_t i)
{
	const struct model_table *t = access->table;
	const struct model_column *c = &t->columns[i];
	const struct decision_mask *mask =
		access->decision.masks ? &access->decision.masks[i] : NULL;

	if (mask && mask->denied)
		return;
	row_begin(f);
	row_text(f, mesh_columns_domain, t->product->domain->name);
	row_text(f, mesh_columns_table_name, table_name(t));
	row_int(f, mesh_columns_position, (int64_t)i + 1);
	row_text(f, mesh_columns_column_name, c->name);
	row_text(f, mesh_columns_data_type, c->type);
	row_text(f, mesh_columns_description, c->description);
	row_bool(f, mesh_columns_required, c->required);
	if (c->key_position)
		row_int(f, mesh_columns_key_position, c->key_position);
	row_text(f, mesh_columns_classification, c->classification);
	row_list(f, mesh_columns_tags, c->tags, c->tag_count);
	if (mask && !slice_is_none(mask->policy)) {
		row_c(f, mesh_columns_mask, mask_method_name(mask->mask.method));
		row_text(f, mesh_columns_mask_policy, mask->policy);
	}
	row_text(f, mesh_columns_node, f->node);
	row_end(f);
}

bool fill_columns(struct filling *f)
{
	for (size_t i = 0; i < f->model->table_count; i++) {
		const struct model_access *access = filling_access(f, &f->model->tables[i]);

		for (size_t c = 0; access && c < access->table->column_count; c++)
			fill_column(f, access, c);
	}
	return !f->failed;
}

/* Policies that select a table which the principal may know of, as name → anything: the name of
 * another one could tell of what is hidden. */
static struct map known_policies(struct filling *f)
{
	struct map known = map_in(f->arena);

	for (size_t i = 0; i < f->model->table_count; i++) {
		const struct model_access *access = filling_access(f, &f->model->tables[i]);

		for (size_t r = 0; access && r < access->decision.reason_count; r++)
			map_put(&known, access->decision.reasons[r].policy,
				&access->decision.reasons[r]);
	}
	return known;
}

/* Who may see whom and what a policy names: those who made it, and administrators. */
static bool sees_selectors(const struct filling *f, const struct policy *p)
{
	const struct model *m = f->model;
	const struct model_domain *domain =
		p->level == POLICY_DOMAIN ? model_domain_find(m, p->domain) : NULL;
	struct policy_table mesh = {.owners = m->owners, .owner_count = m->owner_count};

	return f->principal->admin || policy_is_owner(f->principal, &mesh) ||
	       (domain && model_owns_domain(f->principal, domain));
}

bool fill_policies(struct filling *f)
{
	struct map known = known_policies(f);

	for (size_t i = 0; i < f->model->policy_count; i++) {
		const struct policy *p = &f->model->policies[i];
		bool names = sees_selectors(f, p);

		if (!names && !map_get(&known, p->name))
			continue;
		row_begin(f);
		row_text(f, mesh_policies_policy, p->name);
		row_text(f, mesh_policies_domain,
			p->level == POLICY_DOMAIN ? p->domain : SLICE_NONE);
		row_c(f, mesh_policies_effect, EFFECTS[p->effect]);
		row_list(f, mesh_policies_tags, p->tags, p->tag_count);
		row_list(f, mesh_policies_classifications, p->classifications,
			p->classification_count);
		if (p->effect == POLICY_MASK)
			row_c(f, mesh_policies_mask, mask_method_name(p->mask.method));
		if (names) {
			row_list(f, mesh_policies_products, p->products, p->product_count);
			row_list(f, mesh_policies_table_names, p->tables, p->table_count);
			row_list(f, mesh_policies_column_names, p->columns, p->column_count);
			row_text(f, mesh_policies_filter, p->filter);
		}
		row_end(f);
	}
	return !f->failed;
}

static void slo_times(struct filling *f, const struct model_table *t)
{
	int64_t allowed = t->slo.freshness_us;

	if (t->slo.frequency_us && (!allowed || t->slo.frequency_us < allowed))
		allowed = t->slo.frequency_us;
	if (t->slo.freshness_us)
		row_int(f, mesh_slo_freshness_seconds, t->slo.freshness_us / 1000000);
	if (t->slo.frequency_us)
		row_int(f, mesh_slo_frequency_seconds, t->slo.frequency_us / 1000000);
	if (t->slo.latency_us)
		row_int(f, mesh_slo_latency_seconds, t->slo.latency_us / 1000000);
	if (!t->version)
		return;
	row_int(f, mesh_slo_age_seconds, (f->request->now_us - t->published_us) / 1000000);
	row_time(f, mesh_slo_published_at, t->published_us);
	if (allowed)
		row_time(f, mesh_slo_due_at, t->published_us + allowed);
}

bool fill_slo(struct filling *f)
{
	for (size_t i = 0; i < f->model->table_count; i++) {
		const struct model_table *t = &f->model->tables[i];
		enum model_slo_state state = model_slo_state(t, f->request->now_us);

		if (state == SLO_NONE || !filling_access(f, t))
			continue;
		row_begin(f);
		row_text(f, mesh_slo_domain, t->product->domain->name);
		row_text(f, mesh_slo_table_name, table_name(t));
		row_c(f, mesh_slo_state, model_slo_name(state));
		slo_times(f, t);
		row_end(f);
	}
	return !f->failed;
}

bool fill_queries(struct filling *f)
{
	for (size_t i = 0; i < f->request->query_count && !f->failed; i++) {
		const struct system_query *q = &f->request->queries[i];

		if (!f->principal->admin && !slice_equal(q->principal, f->principal->name))
			continue;
		row_begin(f);
		row_text(f, mesh_queries_query, q->name);
		if (q->pid)
			row_int(f, mesh_queries_pid, q->pid);
		row_text(f, mesh_queries_principal, q->principal);
		row_text(f, mesh_queries_purpose, q->purpose);
		row_text(f, mesh_queries_door, q->door);
		row_text(f, mesh_queries_session, q->session);
		row_text(f, mesh_queries_request_id, q->request_id);
		row_c(f, mesh_queries_state, q->state);
		row_text(f, mesh_queries_waiting_for, q->waiting_for);
		row_time(f, mesh_queries_started_at, q->started_us);
		row_real(f, mesh_queries_duration_ms, (double)q->duration_us / 1000);
		row_real(f, mesh_queries_waited_ms, (double)q->waited_us / 1000);
		row_int(f, mesh_queries_row_count, (int64_t)q->rows);
		row_int(f, mesh_queries_bytes, (int64_t)q->bytes);
		row_text(f, mesh_queries_statement, q->statement);
		row_end(f);
	}
	return !f->failed;
}

static void fill_self(struct filling *f)
{
	int64_t domains = 0;
	int64_t products = 0;

	for (size_t i = 0; i < f->model->domain_count; i++) {
		domains += model_sees_domain(f->model, f->principal, &f->model->domains[i]);
		products += count_products(f, &f->model->domains[i]);
	}
	row_begin(f);
	row_c(f, mesh_nodes_node, f->request->node_name);
	row_text(f, mesh_nodes_mesh,
		slice_is_none(f->request->mesh) ? f->model->name : f->request->mesh);
	row_c(f, mesh_nodes_state, f->request->removed ? "removed" : "self");
	row_c(f, mesh_nodes_version, f->request->version);
	if (f->request->policy_version)
		row_int(f, mesh_nodes_policy_version, f->request->policy_version);
	row_time(f, mesh_nodes_started_at, f->request->started_us);
	/* it grows with changes of what others may not know of */
	if (f->principal->admin)
		row_int(f, mesh_nodes_epoch, f->model->epoch);
	row_int(f, mesh_nodes_domains, domains);
	row_int(f, mesh_nodes_products, products);
	row_end(f);
}

static void fill_node(struct filling *f, const struct system_node *node)
{
	row_begin(f);
	row_text(f, mesh_nodes_node, node->name);
	row_text(f, mesh_nodes_mesh, f->request->mesh);
	row_text(f, mesh_nodes_url, node->url);
	row_c(f, mesh_nodes_state, node->state);
	row_text(f, mesh_nodes_version, node->version);
	row_time(f, mesh_nodes_seen_at, node->seen_us);
	if (node->policy_version)
		row_int(f, mesh_nodes_policy_version, node->policy_version);
	row_list(f, mesh_nodes_trusted_groups, node->trusted_groups, node->trusted_group_count);
	row_list(f, mesh_nodes_trusted_attributes, node->trusted_attributes,
		node->trusted_attribute_count);
	if (node->seen_us)
		row_real(f, mesh_nodes_trip_ms, (double)node->trip_us / 1000);
	if (node->seen_us || node->skew_us)
		row_int(f, mesh_nodes_skew_ms, node->skew_us / 1000);
	if (f->principal->admin) {
		row_text(f, mesh_nodes_reason, node->reason);
		row_int(f, mesh_nodes_mesh_version, node->mesh_version);
		row_int(f, mesh_nodes_epoch, node->epoch);
	}
	row_end(f);
}

bool fill_nodes(struct filling *f)
{
	fill_self(f);
	for (size_t i = 0; i < f->request->node_count; i++)
		fill_node(f, &f->request->nodes[i]);
	return !f->failed;
}
