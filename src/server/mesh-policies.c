#include "server/mesh-policies.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "log/log.h"
#include "mesh/peers.h"
#include "server/apply-private.h"
#include "server/auth.h"
#include "server/server-private.h"
#include "store/manifests.h"
#include "store/store.h"

static const struct slice META = {"mesh.policies", 13};
static const struct slice FOLDER = {"governance", 10};

struct mesh_policies {
	pthread_mutex_t lock; /* holds the rest */
	struct policy_mark mark;
	struct log_quota refusals;
};

static void set_mark(struct server *server, const struct policy_mark *mark)
{
	struct mesh_policies *self = server->policies;

	pthread_mutex_lock(&self->lock);
	self->mark = *mark;
	pthread_mutex_unlock(&self->lock);
	metrics_set(server->metrics, METRIC_MESH_POLICY_VERSION, NULL, NULL, (double)mark->version);
}

void mesh_policies_mark(struct server *server, struct policy_mark *out)
{
	struct mesh_policies *self = server->policies;

	pthread_mutex_lock(&self->lock);
	*out = self->mark;
	pthread_mutex_unlock(&self->lock);
}

int64_t mesh_policies_version(struct server *server)
{
	struct policy_mark mark;

	mesh_policies_mark(server, &mark);
	return mark.version;
}

bool mesh_policies_text(
	struct server *server, struct arena *arena, struct slice *out, struct error *err)
{
	return store_meta_get(server->store, META, arena, out, err);
}

/* The newest set, an empty one when there is none. */
static bool load(
	struct server *server, struct arena *arena, struct policy_set *out, struct error *err)
{
	struct slice text = SLICE_NONE;

	*out = (struct policy_set){0};
	if (!mesh_policies_text(server, arena, &text, err))
		return false;
	return slice_is_none(text) || policy_set_parse(arena, text, out, err);
}

bool mesh_policies_open(struct server *server, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	struct policy_set set;

	server->policies = calloc(1, sizeof *server->policies);
	check(server->policies != NULL);
	pthread_mutex_init(&server->policies->lock, NULL);
	if (!load(server, arena, &set, err))
		return error_wrap(err, "the stored mesh policies");
	set_mark(server, &set.mark);
	return true;
}

void mesh_policies_close(struct server *server)
{
	if (!server->policies)
		return;
	pthread_mutex_destroy(&server->policies->lock);
	free(server->policies);
	server->policies = NULL;
}

bool mesh_policies_are_ours(struct server *server)
{
	const struct member_view *view = member_view(server->member);
	bool ours = !view || member_governs(server->member);

	member_view_unref(&view);
	return ours;
}

static bool keep(struct server *server, const struct policy_set *set, struct error *err)
{
	if (!store_meta_put(server->store, META, set->text, err))
		return false;
	set_mark(server, &set->mark);
	return true;
}

/* What lies in governance/, by path. */
static bool read_folder(
	struct server *server, struct arena *arena, struct policy_set *out, struct error *err)
{
	struct manifest_row *rows = NULL;
	size_t count = 0;

	if (!manifests_list(server->store, arena, &rows, &count, err))
		return false;
	out->files = arena_array_of(arena, struct policy_file, count);
	for (size_t i = 0; i < count; i++)
		if (slice_starts_with(rows[i].path, SLICE("governance/")))
			out->files[out->count++] = (struct policy_file){rows[i].path, rows[i].text};
	return true;
}

static bool says_the_same(const struct policy_set *a, const struct policy_set *b)
{
	bool same = a->count == b->count;

	for (size_t i = 0; same && i < a->count; i++)
		same = slice_equal(a->files[i].path, b->files[i].path) &&
		       slice_equal(a->files[i].text, b->files[i].text);
	return same;
}

static bool signed_by_present_key(struct server *server, const struct policy_set *set)
{
	scoped(arena_free) struct arena *arena = arena_new();
	const struct member_view *view = member_view(server->member);
	bool is = view &&
		  slice_equal(set->key_id, public_key_thumbprint(arena, &view->file.governance));

	member_view_unref(&view);
	return is;
}

bool mesh_policies_publish_locked(struct server *server, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	struct policy_set newest;
	struct policy_set next = {.issued_us = clock_wall_us(&clock_system)};

	if (!member_governs(server->member))
		return true;
	if (!load(server, arena, &newest, err) || !read_folder(server, arena, &next, err))
		return false;
	if (newest.mark.version > 0 && says_the_same(&newest, &next) &&
		signed_by_present_key(server, &newest))
		return true;
	next.mark.version = newest.mark.version + 1;
	if (!member_sign_policies(server->member, arena, &next, err) || !keep(server, &next, err))
		return false;
	log_say(server->log, MESH_POLICIES, NULL, log_int("version", next.mark.version),
		log_int("files", (int64_t)next.count), log_cstr("from", server->node_name));
	if (server->peers)
		peers_nudge(server->peers);
	return true;
}

bool mesh_policies_publish(struct server *server, struct error *err)
{
	pthread_mutex_lock(&server->apply_lock);
	bool ok = mesh_policies_publish_locked(server, err);

	pthread_mutex_unlock(&server->apply_lock);
	return ok || error_wrap(err, "sign the mesh policies");
}

/* In force and stored, in this order: when the second is lost the set is taken once more. */
static bool adopt(struct server *server, struct arena *arena, struct slice from,
	const struct policy_set *set, struct error *err)
{
	struct apply_file *files = arena_array_of(arena, struct apply_file, set->count);

	for (size_t i = 0; i < set->count; i++)
		files[i] = (struct apply_file){set->files[i].path, set->files[i].text};
	const struct auth_identity mesh = {.principal = {.name = SLICE("mesh"), .admin = true}};
	const struct apply_request request = {.identity = &mesh,
		.files = files,
		.file_count = set->count,
		.scope = FOLDER,
		.expected_apply = -1,
		.flags = APPLY_PRUNE | APPLY_NO_RUN};

	if (!apply_policies_locked(server, &request, err) || !keep(server, set, err))
		return false;
	log_say(server->log, MESH_POLICIES, NULL, log_int("version", set->mark.version),
		log_int("files", (int64_t)set->count), log_str("from", from));
	return true;
}

static bool take_locked(struct server *server, struct arena *arena, struct slice from,
	const struct policy_set *set, struct error *err)
{
	struct policy_mark mine;

	mesh_policies_mark(server, &mine);
	if (set->mark.version < mine.version)
		return error_set(err, INVALID_AUTHORIZATION,
			"version %lld of the mesh policies is older than the one in force",
			(long long)set->mark.version);
	if (set->mark.version > mine.version)
		return adopt(server, arena, from, set, err) ||
		       error_wrap(err, "version %lld of the mesh policies",
			       (long long)set->mark.version);
	if (policy_marks_equal(&set->mark, &mine))
		return true;
	error_set(err, INVALID_AUTHORIZATION,
		"version %lld of the mesh policies says something else than the one in force",
		(long long)set->mark.version);
	return error_hint(err, "a change where the mesh is governed makes a newer one");
}

static void log_refused(struct server *server, struct slice from, const struct error *err)
{
	struct mesh_policies *self = server->policies;
	int64_t left_out = 0;

	pthread_mutex_lock(&self->lock);
	bool say = log_quota_take(&self->refusals, clock_mono_us(&clock_system), &left_out);

	pthread_mutex_unlock(&self->lock);
	if (say)
		log_say(server->log, MESH_POLICIES_REFUSED, NULL, log_str("from", from),
			log_cstr("reason", err->msg), log_int("left_out", left_out));
}

bool mesh_policies_take(
	struct server *server, struct slice from, struct slice text, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	const struct member_view *view = member_view(server->member);
	struct policy_set set;

	if (!view)
		return error_set(err, OBJECT_NOT_IN_PREREQUISITE_STATE, "this node is in no mesh");
	bool ok = policy_set_read(arena, text, &view->file, &set, err);

	member_view_unref(&view);
	if (ok) {
		pthread_mutex_lock(&server->apply_lock);
		ok = take_locked(server, arena, from, &set, err);
		pthread_mutex_unlock(&server->apply_lock);
	}
	if (!ok)
		log_refused(server, from, err);
	return ok;
}

bool mesh_policies_forget(struct server *server, struct error *err)
{
	const struct policy_mark none = {0};

	if (!store_meta_put(server->store, META, SLICE_NONE, err))
		return false;
	set_mark(server, &none);
	return true;
}

bool mesh_policies_check_join(struct server *server, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	struct policy_set folder = {0};

	if (!read_folder(server, arena, &folder, err))
		return false;
	if (folder.count == 0)
		return true;
	error_set(err, OBJECT_NOT_IN_PREREQUISITE_STATE,
		"this node has %zu files in governance/ (%.*s …): those of the mesh would take "
		"their place",
		folder.count, SLICE_FMT(folder.files[0].path));
	return error_hint(err,
		"put what must stay into domains/…/policies, then join with --replace-governance");
}
