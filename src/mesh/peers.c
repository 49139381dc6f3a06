#include "mesh/peers.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "base/clock.h"
#include "log/log.h"
#include "mesh/peers-private.h"

enum {
	SKEW_SAID_US = 5000000,
	REFUSED_MAX_BYTES = 500,
	HEARD_EVERY_US = 1000000,
	MS_US = 1000,
	SECOND_MS = 1000,
	MS_NS = 1000000,
	SECOND_NS = 1000000000,
};

const char *peer_health_name(enum peer_health health)
{
	static const char *const names[] = {
		[PEER_UNKNOWN] = "unknown",
		[PEER_UP] = "up",
		[PEER_DOWN] = "down",
		[PEER_REFUSES] = "refuses",
	};

	return names[health];
}

json_t *catalogue_mark_print(const struct catalogue_mark *mark)
{
	return json_pack("{s:s, s:I}", "boot", mark->boot, "epoch", (json_int_t)mark->epoch);
}

void catalogue_mark_read(const json_t *said, struct catalogue_mark *out)
{
	const json_t *mark = json_get_object(said, "catalogue");
	struct slice boot = json_get_slice(mark, "boot");

	*out = (struct catalogue_mark){.epoch = json_get_i64(mark, "epoch", 0)};
	if (boot.len < sizeof out->boot)
		snprintf(out->boot, sizeof out->boot, "%.*s", SLICE_FMT(boot));
}

bool catalogue_marks_equal(const struct catalogue_mark *a, const struct catalogue_mark *b)
{
	return strcmp(a->boot, b->boot) == 0 && a->epoch == b->epoch;
}

void policies_read(
	struct arena *arena, const json_t *said, struct policy_mark *out, struct slice *refused_out)
{
	const json_t *policies = json_get_object(said, "policies");
	struct slice digest = json_get_slice(policies, "digest");

	*out = (struct policy_mark){.version = json_get_i64(policies, "version", 0)};
	if (digest.len < sizeof out->digest)
		snprintf(out->digest, sizeof out->digest, "%.*s", SLICE_FMT(digest));
	*refused_out = json_get_slice(policies, "refused");
	if (!slice_is_none(*refused_out))
		*refused_out = arena_copy(arena, slice_sub(*refused_out, 0, REFUSED_MAX_BYTES));
}

struct slice peers_policies_refused(struct peers *peers, struct arena *arena)
{
	struct slice why = SLICE_NONE;

	pthread_mutex_lock(&peers->lock);
	for (size_t i = 0; i < peers->known_count; i++) {
		const struct peer *peer = &peers->known[i];

		if (peer->declined_us && policy_marks_equal(&peer->policies, &peer->declined))
			why = arena_copy(arena, peer->declined_why);
	}
	pthread_mutex_unlock(&peers->lock);
	return why;
}

static json_t *my_policies(struct peers *peers)
{
	scoped(arena_free) struct arena *arena = arena_new();
	const struct peers_options *o = &peers->options;
	struct slice refused = peers_policies_refused(peers, arena);
	struct policy_mark mine;

	o->policies(o->ctx, &mine);
	json_t *said =
		json_pack("{s:I, s:s}", "version", (json_int_t)mine.version, "digest", mine.digest);

	if (!slice_is_none(refused))
		json_set_slice(said, "refused", refused);
	return said;
}

static json_t *hello(struct peers *peers, const struct member_view *view)
{
	const struct peers_options *o = &peers->options;
	struct catalogue_mark mine;

	o->mine(o->ctx, &mine);
	return json_pack("{s:o, s:s, s:i, s:I, s:o, s:o, s:I}", "node",
		json_from_slice(view->self ? view->self->name : SLICE("")), "weft", o->weft,
		"protocol", MESH_PROTOCOL, "mesh_version", (json_int_t)view->file.version,
		"catalogue", catalogue_mark_print(&mine), "policies", my_policies(peers), "time_us",
		(json_int_t)clock_wall_us(&clock_system));
}

json_t *peers_hello(struct peers *peers)
{
	const struct member_view *view = member_view(peers->options.member);
	json_t *said = view ? hello(peers, view) : NULL;

	member_view_unref(&view);
	return said;
}

/* What was known of a node before; a fresh one otherwise. In the arena. */
struct peer peers_recall(struct peers *peers, struct arena *arena, const struct mesh_node *node)
{
	struct peer peer = {0};

	pthread_mutex_lock(&peers->lock);
	for (size_t i = 0; i < peers->known_count; i++)
		if (slice_equal(peers->known[i].name, node->name))
			peer = peers->known[i];
	peer.heard = false;
	peer.why = arena_copy(arena, peer.why);
	peer.weft = arena_copy(arena, peer.weft);
	peer.policies_refused = arena_copy(arena, peer.policies_refused);
	peer.declined_why = arena_copy(arena, peer.declined_why);
	pthread_mutex_unlock(&peers->lock);
	peer.name = arena_copy(arena, node->name);
	peer.url = arena_copy(arena, node->url);
	peer.domains = arena_copy_all(arena, node->domains, node->domain_count);
	peer.domain_count = node->domain_count;
	return peer;
}

void peers_say_skew(struct peers *peers, const struct peer *peer, int64_t before_us)
{
	bool was = llabs(before_us) > SKEW_SAID_US;

	if (llabs(peer->skew_us) > SKEW_SAID_US && !was)
		log_say(peers->options.log, MESH_SKEW, NULL, log_str("peer", peer->name),
			log_int("ahead_ms", peer->skew_us / MS_US));
}

/* What was heard of a node during the round: it is greeted again at once; its clock, as its own
 * requests showed it, when it did not answer. */
static void carry_heard_locked(struct peers *peers, struct peer *peer)
{
	for (size_t i = 0; i < peers->known_count; i++) {
		const struct peer *known = &peers->known[i];

		if (!slice_equal(known->name, peer->name))
			continue;
		if (known->heard)
			peer->next_us = 0;
		if (peer->health != PEER_UP)
			peer->skew_us = known->skew_us;
	}
}

void peers_keep(struct peers *peers, struct arena *arena, struct peer *list, size_t count)
{
	pthread_mutex_lock(&peers->lock);
	struct arena *before = peers->arena;

	for (size_t i = 0; i < count; i++)
		carry_heard_locked(peers, &list[i]);

	peers->arena = arena;
	peers->known = list;
	peers->known_count = count;
	pthread_mutex_unlock(&peers->lock);
	arena_free(&before);
}

/* Waits for the next round; false when the thread is to end. */
static bool wait_turn(struct peers *peers, bool in_mesh)
{
	const struct peers_options *o = &peers->options;
	int64_t ms = o->interval_ms(o->ctx);
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / SECOND_MS;
	until.tv_nsec += (ms % SECOND_MS) * MS_NS;
	until.tv_sec += until.tv_nsec / SECOND_NS;
	until.tv_nsec %= SECOND_NS;
	pthread_mutex_lock(&peers->lock);
	int ended = 0;

	while (!peers->nudged && !peers->stopping && ended == 0)
		ended = in_mesh ? pthread_cond_timedwait(&peers->wake, &peers->lock, &until)
				: pthread_cond_wait(&peers->wake, &peers->lock);
	peers->nudged = false;
	bool go_on = !peers->stopping;

	pthread_mutex_unlock(&peers->lock);
	return go_on;
}

/* libcurl is loaded with the first peer. */
static bool have_http(struct peers *peers)
{
	struct http_group *group = NULL;
	struct error err = {0};

	if (peers->http)
		return true;
	if (!http_group_new(&group, &err)) {
		log_failure(peers->options.log, EVENT_PEER_DOWN, NULL, "greet the nodes", &err);
		return false;
	}
	pthread_mutex_lock(&peers->lock);
	peers->http = group;
	bool stopping = peers->stopping;

	pthread_mutex_unlock(&peers->lock);
	return !stopping;
}

/* What nodes published that are in the mesh no more does not stay here. */
static void drop_copies(struct peers *peers, const struct member_view *view)
{
	const struct peers_options *o = &peers->options;
	int64_t version = view ? view->file.version : 0;
	scoped(arena_free) struct arena *arena = arena_new();
	size_t count = view ? view->file.node_count : 0;
	struct slice *names = arena_array_of(arena, struct slice, count);

	for (size_t i = 0; i < count; i++)
		names[i] = view->file.nodes[i].name;
	if (peers->seen_version != version)
		o->only(o->ctx, names, count);
	peers->seen_version = version;
}

static void *run(void *ctx)
{
	struct peers *peers = ctx;
	bool in_mesh = false;

	do {
		const struct member_view *view = member_view(peers->options.member);

		in_mesh = view != NULL;
		drop_copies(peers, view);
		if (view && view->file.node_count > 1 && have_http(peers))
			peers_round(peers, view);
		member_view_unref(&view);
	} while (wait_turn(peers, in_mesh));
	return NULL;
}

bool peers_start(const struct peers_options *options, struct peers **out, struct error *err)
{
	struct peers *peers = calloc(1, sizeof *peers);
	pthread_condattr_t attributes;

	check(peers != NULL);
	peers->options = *options;
	peers->arena = arena_new();
	pthread_mutex_init(&peers->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&peers->wake, &attributes);
	pthread_condattr_destroy(&attributes);
	int code = pthread_create(&peers->thread, NULL, run, peers);

	if (code != 0) {
		arena_free(&peers->arena);
		free(peers);
		return error_set_errno(err, code, "start the thread of the peers");
	}
	*out = peers;
	return true;
}

void peers_stop(struct peers **peers)
{
	struct peers *self = *peers;

	if (!self)
		return;
	pthread_mutex_lock(&self->lock);
	self->stopping = true;
	if (self->http)
		http_group_stop(self->http);
	pthread_cond_signal(&self->wake);
	pthread_mutex_unlock(&self->lock);
	pthread_join(self->thread, NULL);
	http_group_free(&self->http);
	arena_free(&self->arena);
	pthread_cond_destroy(&self->wake);
	pthread_mutex_destroy(&self->lock);
	free(self);
	*peers = NULL;
}

/* Now, or, when a round is under way that has its own list, in the next one. */
static void greet_again_locked(struct peer *peer)
{
	peer->next_us = 0;
	peer->heard = true;
}

void peers_nudge(struct peers *peers)
{
	pthread_mutex_lock(&peers->lock);
	for (size_t i = 0; i < peers->known_count; i++)
		if (peers->known[i].health == PEER_UP)
			greet_again_locked(&peers->known[i]);
	peers->nudged = true;
	pthread_cond_signal(&peers->wake);
	pthread_mutex_unlock(&peers->lock);
}

void peers_told(struct peers *peers, struct slice node, const json_t *said)
{
	scoped(arena_free) struct arena *arena = arena_new();
	struct catalogue_mark mark;
	struct policy_mark policies;
	struct slice refused = SLICE_NONE;

	catalogue_mark_read(said, &mark);
	policies_read(arena, said, &policies, &refused);
	pthread_mutex_lock(&peers->lock);
	for (size_t i = 0; i < peers->known_count; i++) {
		struct peer *peer = &peers->known[i];

		if (!slice_equal(peer->name, node) || peer->health != PEER_UP ||
			(catalogue_marks_equal(&mark, &peer->have) &&
				policy_marks_equal(&policies, &peer->policies)))
			continue;
		greet_again_locked(peer);
		peers->nudged = true;
		pthread_cond_signal(&peers->wake);
	}
	pthread_mutex_unlock(&peers->lock);
}

static void hear_locked(struct peers *peers, struct peer *peer, const struct peer_sign *sign)
{
	int64_t before_us = peer->skew_us;
	int64_t now_us = clock_mono_us(&clock_system);

	peer->skew_us = sign->skew_us;
	peers_say_skew(peers, peer, before_us);
	if (!sign->taken || (peer->heard_us && now_us - peer->heard_us < HEARD_EVERY_US))
		return;
	peer->heard_us = now_us;
	peer->wait_us = 0;
	greet_again_locked(peer);
	peers->nudged = true;
	pthread_cond_signal(&peers->wake);
}

void peers_heard(struct peers *peers, const struct peer_sign *sign)
{
	pthread_mutex_lock(&peers->lock);
	for (size_t i = 0; i < peers->known_count; i++)
		if (peers->known[i].health != PEER_UP &&
			slice_equal(peers->known[i].name, sign->node))
			hear_locked(peers, &peers->known[i], sign);
	pthread_mutex_unlock(&peers->lock);
}

bool peers_probe(struct peers *peers, struct slice node)
{
	int64_t now_us = clock_mono_us(&clock_system);
	bool may = false;

	pthread_mutex_lock(&peers->lock);
	for (size_t i = 0; i < peers->known_count; i++) {
		struct peer *peer = &peers->known[i];

		if (!slice_equal(peer->name, node) ||
			(peer->heard_us && now_us - peer->heard_us < HEARD_EVERY_US))
			continue;
		may = true;
		peer->heard_us = now_us;
		greet_again_locked(peer);
		peers->nudged = true;
		pthread_cond_signal(&peers->wake);
	}
	pthread_mutex_unlock(&peers->lock);
	return may;
}

void peers_lost(struct peers *peers, struct slice node, const struct error *why)
{
	pthread_mutex_lock(&peers->lock);
	for (size_t i = 0; i < peers->known_count; i++) {
		struct peer *peer = &peers->known[i];

		if (!slice_equal(peer->name, node) || peer->health != PEER_UP)
			continue;
		peer->health = PEER_DOWN;
		peer->down_since_us = clock_mono_us(&clock_system);
		peer->why = arena_copy(peers->arena, slice_from_c(why->msg));
		log_say(peers->options.log, PEER_DOWN, NULL, log_str("peer", node),
			log_cstr("reason", why->msg));
	}
	pthread_mutex_unlock(&peers->lock);
	(void)!peers_probe(peers, node);
}

size_t peers_list(struct peers *peers, struct arena *arena, const struct peer **out)
{
	const struct member_view *view = member_view(peers->options.member);
	size_t count = 0;
	struct peer *list = arena_array_of(arena, struct peer, view ? view->file.node_count : 0);

	for (size_t i = 0; view && i < view->file.node_count; i++)
		if (&view->file.nodes[i] != view->self)
			list[count++] = peers_recall(peers, arena, &view->file.nodes[i]);
	member_view_unref(&view);
	*out = list;
	return count;
}
