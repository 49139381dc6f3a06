/*
 * What this node knows of its mesh. Two locks: change_lock is held from reading the present file to
 * storing the next one; lock only guards the pointers, so that requests are never kept waiting by a
 * change that writes to the disk.
 */
#include <errno.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "log/log.h"
#include "mesh/jws.h"
#include "mesh/member-private.h"
#include "store/store.h"

enum { CERT_MAX_BYTES = 1 << 18, SHA256_BYTES = 32 };

const struct member_view *member_view(struct member *member)
{
	pthread_mutex_lock(&member->lock);
	const struct member_view *view = member->view;

	if (view)
		atomic_fetch_add(&((struct member_view *)(uintptr_t)view)->refs, 1);
	pthread_mutex_unlock(&member->lock);
	return view;
}

void member_view_unref(const struct member_view **view)
{
	struct member_view *self = (struct member_view *)(uintptr_t)*view;

	*view = NULL;
	if (!self || atomic_fetch_sub(&self->refs, 1) != 1)
		return;
	struct arena *arena = self->arena;

	arena_free(&arena);
}

int64_t member_version(struct member *member)
{
	const struct member_view *view = member_view(member);
	int64_t version = view ? view->file.version : 0;

	member_view_unref(&view);
	return version;
}

bool member_governs(struct member *member)
{
	pthread_mutex_lock(&member->lock);
	bool governs = member->governs;

	pthread_mutex_unlock(&member->lock);
	return governs;
}

const char *member_path(struct member *member, struct arena *arena, const char *name)
{
	return arena_printf(arena, "%s/%s", member->options.keys_dir, name).ptr;
}

bool member_key(struct member *member, const char *name, struct key **out, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	const char *path = member_path(member, arena, name);

	if (access(path, F_OK) == 0)
		return key_read(path, out, err);
	scoped(key_free) struct key *key = key_make();

	if (!key_write(key, path, err))
		return false;
	*out = take(key);
	return true;
}

bool member_refuse_in_mesh(struct member *member, struct error *err)
{
	const struct member_view *view = member_view(member);

	/* Who was removed may join anew. */
	if (!view || !view->self) {
		member_view_unref(&view);
		return true;
	}
	error_set(err, OBJECT_NOT_IN_PREREQUISITE_STATE, "this node is in the mesh %.*s already",
		SLICE_FMT(view->file.mesh));
	member_view_unref(&view);
	return error_hint(err, "a node is in one mesh only; weft node leave ends that");
}

/* A view of a verified file; its one reference is the caller's. */
static bool make_view(struct member *member, struct slice text, const struct public_key *root,
	struct member_view **out, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	struct member_view *view = arena_new_of(arena, struct member_view);

	if (!mesh_file_read(arena, text, root, &view->file, err))
		return false;
	view->self = mesh_file_node(&view->file, slice_from_c(member->options.node));
	view->refs = 1;
	view->arena = take(arena);
	*out = view;
	return true;
}

static bool names_key(const struct mesh_node *node, const struct key *key)
{
	return node && key && public_key_equal(&node->keys[0].key, key_public(key));
}

/* A key that was made ahead ("NAME.next") takes the place of the other once the file names it. */
static bool promote_key(struct member *member, const char *name, const struct public_key *named,
	struct key **key, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	const char *path = member_path(member, arena, name);
	const char *next_path = arena_printf(arena, "%s.next", path).ptr;
	scoped(key_free) struct key *next = NULL;

	if ((*key && public_key_equal(named, key_public(*key))) || access(next_path, F_OK) != 0)
		return true;
	if (!key_read(next_path, &next, err))
		return false;
	if (!public_key_equal(named, key_public(next)))
		return true;
	if (rename(next_path, path) != 0)
		return error_set_errno(err, errno, "rename %s", next_path);
	key_free(key);
	*key = take(next);
	return true;
}

/* Whether the governance key of this file lies here. */
static bool find_governance(
	struct member *member, const struct mesh_file *file, bool *out, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	const char *path = member_path(member, arena, "governance.key");
	scoped(key_free) struct key *key = NULL;

	if ((access(path, F_OK) == 0 && !key_read(path, &key, err)) ||
		!promote_key(member, "governance.key", &file->governance, &key, err))
		return false;
	*out = key && public_key_equal(key_public(key), &file->governance);
	return true;
}

static void swap_locked(struct member *member, const struct member_view *view, struct key **key,
	const struct public_key *root, bool governs)
{
	pthread_mutex_lock(&member->lock);
	const struct member_view *before = member->view;
	struct key *old = member->key;

	member->view = view;
	member->key = key ? take(*key) : NULL;
	member->root = *root;
	member->governs = governs;
	pthread_mutex_unlock(&member->lock);
	if (old)
		key_free(&old);
	member_view_unref(&before);
}

/* Key and view that fit together take the place of those before. */
static bool install(struct member *member, struct member_view *view, const struct public_key *root,
	struct error *err)
{
	scoped(key_free) struct key *key = NULL;
	bool governs = false;

	if (!member_key(member, "node.key", &key, err) ||
		(view->self &&
			!promote_key(member, "node.key", &view->self->keys[0].key, &key, err)) ||
		!find_governance(member, &view->file, &governs, err))
		return false;
	swap_locked(member, view, &key, root, governs);
	return true;
}

static bool store_file(
	struct member *member, struct slice text, const struct public_key *root, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	scoped(json_drop) json_t *jwk = public_key_print(root);
	struct store *store = member->options.store;

	/* The root goes first: without a file it means nothing. */
	return store_meta_put(store, SLICE("mesh.root"), json_print(arena, jwk), err) &&
	       store_meta_put(store, SLICE("mesh.file"), text, err);
}

/* Stores and takes a verified file; the view is this function's from now on. */
static bool adopt_view(struct member *member, struct member_view *view,
	const struct public_key *root, struct error *err)
{
	const struct member_view *made = view;

	if (!store_file(member, view->file.text, root, err) || !install(member, view, root, err)) {
		member_view_unref(&made);
		return false;
	}
	log_say(member->options.log, MESH_FILE, NULL, log_str("mesh", view->file.mesh),
		log_int("version", view->file.version),
		log_int("nodes", (int64_t)view->file.node_count));
	if (!view->self)
		log_say(member->options.log, MESH_LEFT, NULL, log_str("mesh", view->file.mesh));
	return true;
}

bool member_adopt_locked(
	struct member *member, struct slice text, const struct public_key *root, struct error *err)
{
	struct member_view *view = NULL;

	return make_view(member, text, root, &view, err) && adopt_view(member, view, root, err);
}

/* What the store holds. */
static bool load(struct member *member, struct error *err)
{
	scoped(arena_free) struct arena *arena = arena_new();
	struct slice text = SLICE_NONE;
	struct slice root_text = SLICE_NONE;
	struct public_key root;
	struct member_view *view = NULL;

	if (!store_meta_get(member->options.store, SLICE("mesh.file"), arena, &text, err) ||
		!store_meta_get(member->options.store, SLICE("mesh.root"), arena, &root_text, err))
		return false;
	if (slice_is_none(text))
		return true;
	scoped(json_drop) json_t *jwk = json_parse(root_text, err);

	if (!public_key_read(jwk, &root))
		return error_set(err, DATA_CORRUPTED, "the stored governance key cannot be read");
	if (!make_view(member, text, &root, &view, err))
		return error_wrap(err, "the stored mesh file");
	const struct member_view *made = view;

	if (install(member, view, &root, err))
		return true;
	member_view_unref(&made);
	return false;
}

/* A node whose key was lost must not go on under a fresh one that nobody knows. */
static bool check_key(struct member *member, struct error *err)
{
	const struct member_view *view = member->view;

	if (!view || !view->self || names_key(view->self, member->key))
		return true;
	for (size_t i = 1; i < view->self->key_count; i++)
		if (public_key_equal(&view->self->keys[i].key, key_public(member->key)))
			return true;
	error_set(err, CONFIG_FILE_ERROR,
		"%s/node.key is not the key of this node in the mesh file",
		member->options.keys_dir);
	return error_hint(err, "put it back from a backup, or let the governing node remove this "
			       "node and invite it anew");
}

bool member_open(const struct member_options *options, struct member **out, struct error *err)
{
	struct member *member = calloc(1, sizeof *member);

	check(member != NULL);
	member->options = *options;
	member->replays = replays_new();
	pthread_mutex_init(&member->change_lock, NULL);
	pthread_mutex_init(&member->lock, NULL);
	if (!load(member, err) || !check_key(member, err)) {
		member_close(&member);
		return false;
	}
	*out = member;
	return true;
}

void member_close(struct member **member)
{
	struct member *self = *member;

	if (!self)
		return;
	member_view_unref(&self->view);
	if (self->key)
		key_free(&self->key);
	replays_free(&self->replays);
	pthread_mutex_destroy(&self->change_lock);
	pthread_mutex_destroy(&self->lock);
	free(self);
	*member = NULL;
}

static bool leave_locked(struct member *member, struct error *err)
{
	const struct public_key nobody = {0};

	if (!member->view)
		return error_set(err, OBJECT_NOT_IN_PREREQUISITE_STATE, "this node is in no mesh");
	if (member->governs && member->view->file.node_count > 1) {
		error_set(err, OBJECT_NOT_IN_PREREQUISITE_STATE,
			"this node governs the mesh %.*s, which has other nodes",
			SLICE_FMT(member->view->file.mesh));
		return error_hint(err, "remove them first: weft node remove");
	}
	if (!store_meta_put(member->options.store, SLICE("mesh.file"), SLICE_NONE, err))
		return false;
	log_say(member->options.log, MESH_LEFT, NULL, log_str("mesh", member->view->file.mesh));
	swap_locked(member, NULL, NULL, &nobody, false);
	return true;
}

bool member_leave(struct member *member, struct error *err)
{
	pthread_mutex_lock(&member->change_lock);
	bool ok = leave_locked(member, err);

	pthread_mutex_unlock(&member->change_lock);
	return ok;
}

static void log_refused(struct member *member, struct slice from, const char *what)
{
	int64_t left_out = 0;

	if (log_quota_take(&member->refusals, clock_mono_us(&clock_system), &left_out))
		log_say(member->options.log, MESH_FILE_REFUSED, NULL, log_str("from", from),
			log_cstr("reason", what), log_int("left_out", left_out));
}

static bool take_locked(struct member *member, struct slice text, struct slice from,
	enum mesh_order *order_out, struct error *err)
{
	static const char *const refusals[] = {
		[MESH_OLDER] = "it is older than the one that is known here",
		[MESH_FORKED] = "it is of another mesh, or says something else in the same version",
	};
	struct member_view *next = NULL;

	if (!member->view)
		return error_set(err, OBJECT_NOT_IN_PREREQUISITE_STATE, "this node is in no mesh");
	if (!make_view(member, text, &member->root, &next, err)) {
		log_refused(member, from, err->msg);
		return false;
	}
	const struct member_view *made = next;

	*order_out = mesh_file_order(&member->view->file, &next->file);
	if (*order_out == MESH_NEWER)
		return adopt_view(member, next, &member->root, err);
	member_view_unref(&made);
	if (*order_out != MESH_SAME)
		log_refused(member, from, refusals[*order_out]);
	return true;
}

bool member_take_file(struct member *member, struct slice text, struct slice from,
	enum mesh_order *order_out, struct error *err)
{
	pthread_mutex_lock(&member->change_lock);
	bool ok = take_locked(member, text, from, order_out, err);

	pthread_mutex_unlock(&member->change_lock);
	return ok;
}

bool member_sign(struct member *member, struct arena *arena, struct node_request *request,
	struct slice *token_out, struct error *err)
{
	pthread_mutex_lock(&member->lock);
	bool ok = member->view && member->key;

	request->from = slice_from_c(member->options.node);
	if (ok)
		*token_out =
			node_token_sign(arena, member->key, request, clock_wall_us(&clock_system));
	pthread_mutex_unlock(&member->lock);
	return ok || error_set(err, OBJECT_NOT_IN_PREREQUISITE_STATE, "this node is in no mesh");
}

bool member_sign_document(struct member *member, struct arena *arena, const char *type,
	struct slice payload, struct slice *out, struct error *err)
{
	pthread_mutex_lock(&member->lock);
	bool ok = member->view && member->key;

	if (ok)
		*out = jws_sign(arena, member->key, type, payload);
	pthread_mutex_unlock(&member->lock);
	return ok || error_set(err, OBJECT_NOT_IN_PREREQUISITE_STATE, "this node is in no mesh");
}

bool member_check(struct member *member, struct arena *arena, struct slice token,
	struct node_request *expected, struct node_sender *sender_out, struct error *err)
{
	const struct member_view *view = member_view(member);

	*sender_out = (struct node_sender){0};
	if (!view)
		return error_set(err, INVALID_AUTHORIZATION, "this node is in no mesh");
	const struct node_trust trust = {.file = &view->file,
		.replays = member->replays,
		.now_us = clock_wall_us(&clock_system)};

	expected->to = slice_from_c(member->options.node);
	bool ok = node_token_check(arena, &trust, token, expected, sender_out, err);

	member_view_unref(&view);
	return ok;
}

static bool no_certificate(const char *file, int code, struct error *err)
{
	return error_set(
		err, CONFIG_FILE_ERROR, "%s is no certificate: %s", file, gnutls_strerror(code));
}

bool member_pin(
	struct arena *arena, const char *cert_file, struct slice *pin_out, struct error *err)
{
	gnutls_x509_crt_t cert = NULL;
	gnutls_datum_t pem = {0};
	unsigned char id[SHA256_BYTES];
	size_t len = sizeof id;
	int code = gnutls_load_file(cert_file, &pem);

	if (code == 0)
		code = gnutls_x509_crt_init(&cert);
	if (code == 0)
		code = gnutls_x509_crt_import(cert, &pem, GNUTLS_X509_FMT_PEM);
	if (code == 0)
		code = gnutls_x509_crt_get_key_id(cert, GNUTLS_KEYID_USE_SHA256, id, &len);
	gnutls_x509_crt_deinit(cert);
	gnutls_free(pem.data);
	if (code != 0)
		return no_certificate(cert_file, code, err);
	*pin_out = base64_print(arena, slice_of((char *)id, len));
	return true;
}
