#include "mesh/peers.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/num.h"
#include "http/exchange.h"
#include "log/log.h"

enum {
	ANSWER_MAX_BYTES = 1 << 16,
	SKEW_SAID_US = 5000000,
	MS_US = 1000,
	SECOND_MS = 1000,
	MS_NS = 1000000,
	SECOND_NS = 1000000000,
	HTTP_OK = 200,
	TIMEOUT_MS = 3000,
	WAIT_MAX_US = 60000000,
	HEARD_EVERY_US = 1000000,
	EARLY_US = 50000, /* a round may begin a little before its time */
};

static const struct slice HELLO_PATH = {"/mesh/v1/hello", 14};
static const struct slice FILE_PATH = {"/mesh/v1/file", 13};

struct peers {
	struct peers_options options;
	pthread_t thread;
	pthread_mutex_t lock; /* holds the rest */
	pthread_cond_t wake;
	bool nudged;
	bool stopping;
	struct arena *arena; /* of known; replaced after each round */
	struct peer *known;
	size_t known_count;
	struct http_group *http; /* made when the first peer is greeted; the thread's, but for
				    peers_stop */
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

static json_t *hello(struct peers *peers, const struct member_view *view)
{
	const struct peers_options *o = &peers->options;

	return json_pack("{s:o, s:s, s:i, s:I, s:I, s:I}", "node",
		json_from_slice(view->self ? view->self->name : SLICE("")), "weft", o->weft,
		"protocol", MESH_PROTOCOL, "mesh_version", (json_int_t)view->file.version, "epoch",
		(json_int_t)o->epoch(o->ctx), "time_us", (json_int_t)clock_wall_us(&clock_system));
}

json_t *peers_hello(struct peers *peers)
{
	const struct member_view *view = member_view(peers->options.member);
	json_t *said = view ? hello(peers, view) : NULL;

	member_view_unref(&view);
	return said;
}

/* What was known of a node before; a fresh one otherwise. In the arena. */
static struct peer recall(struct peers *peers, struct arena *arena, const struct mesh_node *node)
{
	struct peer peer = {0};

	pthread_mutex_lock(&peers->lock);
	for (size_t i = 0; i < peers->known_count; i++)
		if (slice_equal(peers->known[i].name, node->name))
			peer = peers->known[i];
	peer.heard = false;
	peer.why = arena_copy(arena, peer.why);
	peer.weft = arena_copy(arena, peer.weft);
	pthread_mutex_unlock(&peers->lock);
	peer.name = arena_copy(arena, node->name);
	peer.url = arena_copy(arena, node->url);
	peer.domains = arena_copy_all(arena, node->domains, node->domain_count);
	peer.domain_count = node->domain_count;
	return peer;
}

/* One round of greetings. */
struct round {
	struct peers *peers;
	struct arena *arena; /* outlives the round: the list's */
	struct arena *scratch;
	const struct member_view *view;
	struct peer *list; /* all but this node */
	size_t count;
};

/* Requests of one step of a round, and whose they are. */
struct batch {
	struct http_exchange *items;
	struct peer **whose;
	size_t count;
};

static struct slice pins_of(struct arena *arena, const struct mesh_node *node, int64_t now_us)
{
	struct slice pins = SLICE("");

	for (size_t i = 0; i < node->pin_count; i++)
		if (mesh_until_holds(node->pins[i].until_us, now_us))
			pins = arena_printf(arena, "%.*s%ssha256//%.*s", SLICE_FMT(pins),
				pins.len ? ";" : "", SLICE_FMT(node->pins[i].pin));
	return pins;
}

bool peer_address(struct member *member, struct arena *arena, const struct peer_request *request,
	struct http_exchange *out, struct error *err)
{
	const struct mesh_node *node = request->node;
	struct node_request token = {.to = node->name,
		.method = slice_is_none(request->body) ? SLICE("GET") : SLICE("POST"),
		.path = request->path,
		.body = request->body};

	*out = (struct http_exchange){.method = arena_cstr(arena, token.method),
		.url = arena_printf(
			arena, "%.*s%.*s", SLICE_FMT(node->url), SLICE_FMT(request->path)),
		.pins = pins_of(arena, node, clock_wall_us(&clock_system)),
		.body = request->body,
		.max_bytes = ANSWER_MAX_BYTES};
	if (out->pins.len == 0)
		return error_set(err, OBJECT_NOT_IN_PREREQUISITE_STATE,
			"the node %.*s has no TLS key that counts", SLICE_FMT(node->name));
	return member_sign(member, arena, &token, &out->bearer, err);
}

static struct batch batch_new(struct round *r)
{
	return (struct batch){.items = arena_array_of(r->scratch, struct http_exchange, r->count),
		.whose = arena_array_of(r->scratch, struct peer *, r->count)};
}

/* Nothing is added when this node is in no mesh any more. */
static void add(struct round *r, struct batch *batch, struct peer *peer, struct slice path,
	struct slice body)
{
	const struct peer_request request = {
		mesh_file_node(&r->view->file, peer->name), path, body};
	struct http_exchange *item = &batch->items[batch->count];
	struct error ignored = {0};

	if (!peer_address(r->peers->options.member, r->scratch, &request, item, &ignored))
		return;
	item->max_bytes = MESH_FILE_MAX_BYTES + ANSWER_MAX_BYTES;
	batch->whose[batch->count++] = peer;
}

static void send_batch(struct round *r, struct batch *batch)
{
	http_send_all(r->peers->http, r->scratch, batch->items, batch->count, TIMEOUT_MS);
}

static void list_nodes(struct round *r)
{
	r->list = arena_array_of(r->arena, struct peer, r->view->file.node_count);
	for (size_t i = 0; i < r->view->file.node_count; i++)
		if (&r->view->file.nodes[i] != r->view->self)
			r->list[r->count++] = recall(r->peers, r->arena, &r->view->file.nodes[i]);
}

static void say_change(struct round *r, const struct peer *peer, enum peer_health before)
{
	struct log *log = r->peers->options.log;

	if (peer->health == before)
		return;
	if (peer->health == PEER_UP)
		log_say(log, PEER_UP, NULL, log_str("peer", peer->name),
			log_str("weft", peer->weft));
	else if (peer->health == PEER_DOWN)
		log_say(log, PEER_DOWN, NULL, log_str("peer", peer->name),
			log_str("reason", peer->why));
	else
		log_say(log, PEER_REFUSES, NULL, log_str("peer", peer->name),
			log_str("reason", peer->why));
}

static void say_skew(struct peers *peers, const struct peer *peer, int64_t before_us)
{
	bool was = llabs(before_us) > SKEW_SAID_US;

	if (llabs(peer->skew_us) > SKEW_SAID_US && !was)
		log_say(peers->options.log, MESH_SKEW, NULL, log_str("peer", peer->name),
			log_int("ahead_ms", peer->skew_us / MS_US));
}

/* The answer was whole; whether it is a greeting. */
static bool read_hello(struct round *r, const struct http_exchange *item, struct peer *peer)
{
	struct error ignored = {0};
	scoped(json_drop) json_t *said = json_parse(item->answer, &ignored);
	int64_t since_us = clock_mono_us(&clock_system) - item->ended_us;
	int64_t now_us = clock_wall_us(&clock_system) - since_us;
	int64_t skew_before = peer->skew_us;

	if (item->status != HTTP_OK || !slice_equal(json_get_slice(said, "node"), peer->name))
		return false;
	peer->weft = arena_copy(r->arena, json_get_slice(said, "weft"));
	peer->mesh_version = json_get_i64(said, "mesh_version", 0);
	peer->epoch = json_get_i64(said, "epoch", 0);
	peer->seen_us = now_us;
	peer->trip_us = item->ended_us - item->began_us;
	peer->skew_us = json_get_i64(said, "time_us", now_us) + peer->trip_us / 2 - now_us;
	say_skew(r->peers, peer, skew_before);
	return true;
}

/* Why an answer is no greeting, as the peer says it. */
static struct slice refusal(struct round *r, const struct http_exchange *item)
{
	struct error ignored = {0};
	scoped(json_drop) json_t *problem = json_parse(item->answer, &ignored);
	struct slice detail = json_get_slice(problem, "detail");

	if (slice_is_none(detail))
		return arena_printf(r->arena, "it answered with HTTP status %ld", item->status);
	return arena_copy(r->arena, slice_sub(detail, 0, sizeof ignored.msg));
}

/* Who is not up is left alone for twice as long each time; it may greet us before (peers_heard). */
static void plan_next(struct round *r, struct peer *peer)
{
	const struct peers_options *o = &r->peers->options;
	int64_t interval_us = o->interval_ms(o->ctx) * MS_US;

	peer->wait_us = peer->health == PEER_UP
				? interval_us
				: min_of(max_of(2 * peer->wait_us, interval_us), WAIT_MAX_US);
	peer->next_us = clock_mono_us(&clock_system) + peer->wait_us - EARLY_US;
}

static void judge(struct round *r, const struct http_exchange *item, struct peer *peer)
{
	enum peer_health before = peer->health;

	if (!item->ok) {
		peer->health = item->err.state == SQLSTATE_INVALID_AUTHORIZATION ? PEER_REFUSES
										 : PEER_DOWN;
		peer->why = arena_copy(r->arena, slice_from_c(item->err.msg));
	} else if (read_hello(r, item, peer)) {
		peer->health = PEER_UP;
		peer->why = SLICE_NONE;
	} else {
		peer->health = PEER_REFUSES;
		peer->why = refusal(r, item);
	}
	plan_next(r, peer);
	say_change(r, peer, before);
}

static struct slice file_body(struct round *r)
{
	scoped(json_drop) json_t *value =
		json_pack("{s:o}", "file", json_from_slice(r->view->file.text));

	return json_print(r->scratch, value);
}

static void take_files(struct round *r, const struct batch *batch)
{
	for (size_t i = 0; i < batch->count; i++) {
		const struct http_exchange *item = &batch->items[i];
		struct peer *peer = batch->whose[i];
		struct error err = {0};
		enum mesh_order order;

		if (!item->ok || item->status != HTTP_OK)
			continue;
		scoped(json_drop) json_t *answer = json_parse(item->answer, &err);
		struct slice text = json_get_slice(answer, "file");

		/* A refusal is logged where it is found. */
		if (!slice_is_none(text) &&
			!member_take_file(r->peers->options.member, text, peer->name, &order, &err))
			continue;
		peer->mesh_version = json_get_i64(answer, "mesh_version", peer->mesh_version);
	}
}

/* First step: who is known to have an older file gets ours, so that a new key of this node is known
 * before it is shown. */
static void push_files(struct round *r)
{
	struct batch batch = batch_new(r);

	for (size_t i = 0; i < r->count; i++) {
		struct peer *peer = &r->list[i];

		if (peer->mesh_version == 0 || peer->mesh_version >= r->view->file.version ||
			peer->pushed_version >= r->view->file.version)
			continue;
		peer->pushed_version = r->view->file.version;
		add(r, &batch, peer, FILE_PATH, file_body(r));
	}
	send_batch(r, &batch);
}

static void greet(struct round *r)
{
	scoped(json_drop) json_t *said = hello(r->peers, r->view);
	struct slice body = json_print(r->scratch, said);
	struct batch batch = batch_new(r);
	int64_t now_us = clock_mono_us(&clock_system);

	for (size_t i = 0; i < r->count; i++)
		if (r->list[i].next_us <= now_us)
			add(r, &batch, &r->list[i], HELLO_PATH, body);
	send_batch(r, &batch);
	for (size_t i = 0; i < batch.count; i++)
		judge(r, &batch.items[i], batch.whose[i]);
}

/* Last step: whose file is newer gives it. Who refuses us may do so because its file is old: it
 * gets ours, once. */
static void exchange_files(struct round *r)
{
	struct batch batch = batch_new(r);

	for (size_t i = 0; i < r->count; i++) {
		struct peer *peer = &r->list[i];
		bool old =
			peer->health == PEER_REFUSES || peer->mesh_version < r->view->file.version;

		if (peer->health == PEER_UP && peer->mesh_version > r->view->file.version)
			add(r, &batch, peer, FILE_PATH, SLICE_NONE);
		else if (old && peer->health != PEER_DOWN &&
			 peer->pushed_version < r->view->file.version) {
			peer->pushed_version = r->view->file.version;
			peer->next_us = 0;
			add(r, &batch, peer, FILE_PATH, file_body(r));
		}
	}
	send_batch(r, &batch);
	take_files(r, &batch);
}

/* Who was heard during the round is greeted again at once. */
static void carry_heard_locked(struct peers *peers, struct peer *peer)
{
	bool heard = false;

	for (size_t i = 0; i < peers->known_count && peer->health != PEER_UP; i++)
		heard = heard ||
			(peers->known[i].heard && slice_equal(peers->known[i].name, peer->name));
	if (heard)
		peer->next_us = 0;
}

static void keep(struct peers *peers, struct arena *arena, struct peer *list, size_t count)
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

static void greet_all(struct peers *peers, const struct member_view *view)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	struct round round = {
		.peers = peers, .arena = arena_new(), .scratch = scratch, .view = view};

	list_nodes(&round);
	push_files(&round);
	greet(&round);
	exchange_files(&round);
	keep(peers, round.arena, round.list, round.count);
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

static void *run(void *ctx)
{
	struct peers *peers = ctx;
	bool in_mesh = false;

	do {
		const struct member_view *view = member_view(peers->options.member);

		in_mesh = view != NULL;
		if (view && view->file.node_count > 1 && have_http(peers))
			greet_all(peers, view);
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

void peers_nudge(struct peers *peers)
{
	pthread_mutex_lock(&peers->lock);
	peers->nudged = true;
	pthread_cond_signal(&peers->wake);
	pthread_mutex_unlock(&peers->lock);
}

static void hear_locked(struct peers *peers, struct peer *peer, const struct peer_sign *sign)
{
	int64_t before_us = peer->skew_us;
	int64_t now_us = clock_mono_us(&clock_system);

	peer->skew_us = sign->skew_us;
	say_skew(peers, peer, before_us);
	if (!sign->taken || (peer->heard_us && now_us - peer->heard_us < HEARD_EVERY_US))
		return;
	peer->heard_us = now_us;
	peer->wait_us = 0;
	peer->next_us = 0;
	peer->heard = true;
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

size_t peers_list(struct peers *peers, struct arena *arena, const struct peer **out)
{
	const struct member_view *view = member_view(peers->options.member);
	size_t count = 0;
	struct peer *list = arena_array_of(arena, struct peer, view ? view->file.node_count : 0);

	for (size_t i = 0; view && i < view->file.node_count; i++)
		if (&view->file.nodes[i] != view->self)
			list[count++] = recall(peers, arena, &view->file.nodes[i]);
	member_view_unref(&view);
	*out = list;
	return count;
}
