/*
 * One round: all nodes at once in each of its steps, so that a slow one holds up a round and
 * nothing else. What is learnt goes into a list of its own, which takes the place of the one
 * before.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "base/num.h"
#include "log/log.h"
#include "mesh/jws.h"
#include "mesh/peers-private.h"

enum {
	ANSWER_MAX_BYTES = 1 << 16,
	CATALOGUE_MAX_BYTES = 32 << 20,
	MS_US = 1000,
	HTTP_OK = 200,
	TIMEOUT_MS = 3000,
	COPY_TIMEOUT_MS = 10000,
	WAIT_MAX_US = 60000000,
	EARLY_US = 50000,	/* a round may begin a little before its time */
	DECLINED_US = 60000000, /* a set of policies that was not taken is not asked for again */
};

static const struct slice HELLO_PATH = {"/mesh/v1/hello", 14};
static const struct slice FILE_PATH = {"/mesh/v1/file", 13};
static const struct slice CATALOGUE_PATH = {"/mesh/v1/catalogue", 18};
static const struct slice POLICIES_PATH = {"/mesh/v1/policies", 17};
static const char CATALOGUE_TYPE[] = "weft-catalogue+jws";

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

static void send_batch(struct round *r, struct batch *batch, int64_t timeout_ms)
{
	http_send_all(r->peers->http, r->scratch, batch->items, batch->count, timeout_ms);
}

static void list_nodes(struct round *r)
{
	r->list = arena_array_of(r->arena, struct peer, r->view->file.node_count);
	for (size_t i = 0; i < r->view->file.node_count; i++)
		if (&r->view->file.nodes[i] != r->view->self)
			r->list[r->count++] =
				peers_recall(r->peers, r->arena, &r->view->file.nodes[i]);
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
	catalogue_mark_read(said, &peer->said);
	policies_read(r->arena, said, &peer->policies, &peer->policies_refused);
	peer->seen_us = now_us;
	peer->trip_us = item->ended_us - item->began_us;
	peer->skew_us = json_get_i64(said, "time_us", now_us) + peer->trip_us / 2 - now_us;
	peers_say_skew(r->peers, peer, skew_before);
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
	if (peer->health != PEER_DOWN)
		peer->down_since_us = 0;
	else if (!peer->down_since_us)
		peer->down_since_us = clock_mono_us(&clock_system);
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
	send_batch(r, &batch, TIMEOUT_MS);
}

static void greet(struct round *r)
{
	scoped(json_drop) json_t *said = peers_hello(r->peers);
	struct batch batch = batch_new(r);
	int64_t now_us = clock_mono_us(&clock_system);

	if (!said) /* this node has left meanwhile */
		return;
	struct slice body = json_print(r->scratch, said);

	for (size_t i = 0; i < r->count; i++)
		if (r->list[i].next_us <= now_us)
			add(r, &batch, &r->list[i], HELLO_PATH, body);
	send_batch(r, &batch, TIMEOUT_MS);
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
	send_batch(r, &batch, TIMEOUT_MS);
	take_files(r, &batch);
}

/* It has a newer set, or another one of the same version: that is said, and not taken. */
static bool offers_policies(const struct peer *peer, const struct policy_mark *mine)
{
	const struct policy_mark *its = &peer->policies;
	int64_t since_us = clock_mono_us(&clock_system) - peer->declined_us;

	if (peer->health != PEER_UP || its->version < mine->version ||
		policy_marks_equal(its, mine) || its->version == 0)
		return false;
	return !peer->declined_us || since_us > DECLINED_US ||
	       !policy_marks_equal(its, &peer->declined);
}

static struct peer *newest_policies(struct round *r, const struct policy_mark *mine)
{
	struct peer *best = NULL;

	for (size_t i = 0; i < r->count; i++)
		if (offers_policies(&r->list[i], mine) &&
			(!best || r->list[i].policies.version > best->policies.version))
			best = &r->list[i];
	return best;
}

static bool take_policies(
	struct round *r, const struct peer *peer, const struct batch *batch, struct error *err)
{
	const struct peers_options *o = &r->peers->options;
	const struct http_exchange *item = &batch->items[0];

	if (batch->count == 0 || !item->ok || item->status != HTTP_OK)
		return error_set(err, CONNECTION_FAILURE,
			"the node %.*s did not hand over its mesh policies", SLICE_FMT(peer->name));
	scoped(json_drop) json_t *answer = json_parse(item->answer, err);

	return o->take_policies(o->ctx, peer->name, json_get_slice(answer, "policies"), err);
}

/* The newest set that somebody has; the next one's when it cannot be taken. */
static void copy_policies(struct round *r)
{
	const struct peers_options *o = &r->peers->options;
	struct policy_mark mine;
	struct peer *peer = NULL;

	for (size_t tries = 0; tries < r->count; tries++) {
		struct batch batch = batch_new(r);
		struct error err = {0};

		o->policies(o->ctx, &mine);
		peer = newest_policies(r, &mine);
		if (!peer)
			return;
		add(r, &batch, peer, POLICIES_PATH, SLICE_NONE);
		batch.items[0].max_bytes = POLICY_SET_MAX_BYTES + ANSWER_MAX_BYTES;
		send_batch(r, &batch, COPY_TIMEOUT_MS);
		if (take_policies(r, peer, &batch, &err))
			continue;
		peer->declined = peer->policies;
		peer->declined_why = arena_copy(r->arena, slice_from_c(err.msg));
		peer->declined_us = clock_mono_us(&clock_system);
	}
}

/* What the node signed, and nobody else. NULL with the reason. */
static json_t *read_change(struct round *r, const struct peer *peer,
	const struct http_exchange *item, struct error *err)
{
	const struct mesh_node *node = mesh_file_node(&r->view->file, peer->name);
	scoped(json_drop) json_t *answer = json_parse(item->answer, err);
	struct jws jws;

	if (!answer ||
		!jws_read(r->scratch, json_get_slice(answer, "catalogue"), CATALOGUE_TYPE, &jws)) {
		error_set(err, PROTOCOL_VIOLATION, "its catalogue cannot be read");
		return NULL;
	}
	const struct public_key *key =
		mesh_node_key(node, jws.key_id, clock_wall_us(&clock_system));

	if (key && jws_verify(&jws, key))
		return json_parse(jws.payload, err);
	error_set(err, INVALID_AUTHORIZATION, "its catalogue is not signed by it");
	return NULL;
}

static void take_change(struct round *r, struct peer *peer, const struct http_exchange *item)
{
	const struct peers_options *o = &r->peers->options;
	struct error err = {0};

	if (!item->ok || item->status != HTTP_OK)
		return;
	scoped(json_drop) json_t *change = read_change(r, peer, item, &err);

	if (!change || !o->change(o->ctx, peer->name, change, &err))
		log_say(o->log, CATALOGUE_REFUSED, NULL, log_str("peer", peer->name),
			log_cstr("reason", err.msg));
	o->copy(o->ctx, peer->name, &peer->have);
}

/* Whose catalogue is another one than the copy is asked for the change. */
static void copy_catalogues(struct round *r)
{
	const struct peers_options *o = &r->peers->options;
	struct batch batch = batch_new(r);

	for (size_t i = 0; i < r->count; i++) {
		struct peer *peer = &r->list[i];

		if (peer->have.boot[0] == 0)
			o->copy(o->ctx, peer->name, &peer->have);
		if (peer->health != PEER_UP || catalogue_marks_equal(&peer->said, &peer->have))
			continue;
		scoped(json_drop) json_t *since = catalogue_mark_print(&peer->have);

		add(r, &batch, peer, CATALOGUE_PATH, json_print(r->scratch, since));
	}
	for (size_t i = 0; i < batch.count; i++)
		batch.items[i].max_bytes = CATALOGUE_MAX_BYTES;
	send_batch(r, &batch, COPY_TIMEOUT_MS);
	for (size_t i = 0; i < batch.count; i++)
		take_change(r, batch.whose[i], &batch.items[i]);
}

void peers_round(struct peers *peers, const struct member_view *view)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	struct round round = {
		.peers = peers, .arena = arena_new(), .scratch = scratch, .view = view};

	list_nodes(&round);
	push_files(&round);
	greet(&round);
	exchange_files(&round);
	copy_policies(&round);
	copy_catalogues(&round);
	peers_keep(peers, round.arena, round.list, round.count);
}
