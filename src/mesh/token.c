#include "mesh/token.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/map.h"
#include "mesh/jws.h"

static const char TOKEN_TYPE[] = "weft-node+jwt";

enum {
	SECOND_US = 1000000,
	ID_BYTES = 16,
	ID_MAX_BYTES = 64,
	TOKEN_MAX_BYTES = 4096,
	/* An id can be shown from 30 s before iat to 30 s behind exp. */
	REPLAY_WINDOW_US = (NODE_TOKEN_LIFE_S + 2 * NODE_CLOCK_SKEW_S) * SECOND_US,
	REPLAY_MAX = 1 << 17, /* per window: about 1,000 requests a second */
};

/* Two generations: an id stays at least one window, at most two. */
struct replays {
	pthread_mutex_t lock;
	struct arena *arenas[2];
	struct map seen[2];
	int64_t turned_us;
};

struct replays *replays_new(void)
{
	struct replays *self = calloc(1, sizeof *self);

	check(self != NULL);
	pthread_mutex_init(&self->lock, NULL);
	for (size_t i = 0; i < 2; i++) {
		self->arenas[i] = arena_new();
		self->seen[i] = map_in(self->arenas[i]);
	}
	return self;
}

void replays_free(struct replays **replays)
{
	struct replays *self = *replays;

	if (!self)
		return;
	arena_free(&self->arenas[0]);
	arena_free(&self->arenas[1]);
	pthread_mutex_destroy(&self->lock);
	free(self);
	*replays = NULL;
}

/* The older generation goes. Time may jump back: then nothing is forgotten before its turn. */
static void turn_locked(struct replays *self, int64_t now_us)
{
	int64_t age = now_us - self->turned_us;

	if (self->turned_us && age >= 0 && age < REPLAY_WINDOW_US)
		return;
	if (self->turned_us && age < 0) {
		self->turned_us = now_us;
		return;
	}
	struct arena *oldest = self->arenas[1];

	arena_reset(oldest);
	self->arenas[1] = self->arenas[0];
	self->seen[1] = self->seen[0];
	self->arenas[0] = oldest;
	self->seen[0] = map_in(oldest);
	self->turned_us = now_us;
}

/* true the first time. */
static bool take_id(
	struct replays *self, struct slice from, struct slice id, int64_t now_us, struct error *err)
{
	bool first = false;

	pthread_mutex_lock(&self->lock);
	turn_locked(self, now_us);
	if (self->seen[0].len >= REPLAY_MAX) {
		error_set(err, TOO_MANY_CONNECTIONS, "too many requests of other nodes");
	} else {
		struct slice key =
			arena_printf(self->arenas[0], "%.*s %.*s", SLICE_FMT(from), SLICE_FMT(id));

		first = !map_get(&self->seen[1], key) && !map_put(&self->seen[0], key, self);
		if (!first)
			error_set(err, INVALID_AUTHORIZATION, "the token was shown before");
	}
	pthread_mutex_unlock(&self->lock);
	return first;
}

static struct slice digest(struct arena *arena, struct slice body)
{
	unsigned char hash[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(hash, (const unsigned char *)body.ptr, body.len);
	return base64url_print(arena, slice_of((char *)hash, sizeof hash));
}

struct slice node_token_sign(struct arena *arena, const struct key *key,
	const struct node_request *request, int64_t now_us)
{
	unsigned char id[ID_BYTES];
	json_int_t now_s = now_us / SECOND_US;

	randombytes_buf(id, sizeof id);
	scoped(json_drop) json_t *claims = json_pack("{s:o, s:o, s:I, s:I, s:o, s:o, s:o, s:o}",
		"iss", json_from_slice(request->from), "aud", json_from_slice(request->to), "iat",
		now_s, "exp", now_s + NODE_TOKEN_LIFE_S, "jti",
		json_from_slice(base64url_print(arena, slice_of((char *)id, sizeof id))), "htm",
		json_from_slice(request->method), "htu", json_from_slice(request->path), "digest",
		json_from_slice(digest(arena, request->body)));

	return jws_sign(arena, key, TOKEN_TYPE, json_print(arena, claims));
}

static bool refuse(struct error *err, const char *why)
{
	return error_set(err, INVALID_AUTHORIZATION, "the token of a node is refused: %s", why);
}

/* Its key, by the file; the reason in err when it has none that counts. */
static const struct public_key *sender_key(const struct node_trust *trust, const struct jws *jws,
	struct node_sender *sender, struct error *err)
{
	const struct mesh_node *node = mesh_file_node(trust->file, sender->name);

	if (!node) {
		sender->unknown_key = true;
		error_set(err, INVALID_AUTHORIZATION,
			"\"%.*s\" is no node of the mesh %.*s, by version %lld of its file",
			SLICE_FMT(slice_sub(sender->name, 0, 80)), SLICE_FMT(trust->file->mesh),
			(long long)trust->file->version);
		error_hint(err, "join the mesh (weft node join), or wait until the newest mesh "
				"file has come here");
		return NULL;
	}
	const struct public_key *key = mesh_node_key(node, jws->key_id, trust->now_us);

	sender->unknown_key = !key;
	if (!key)
		error_set(err, INVALID_AUTHORIZATION,
			"the key %.*s is none of the node %.*s, by version %lld of the mesh file",
			SLICE_FMT(slice_sub(jws->key_id, 0, 43)), SLICE_FMT(sender->name),
			(long long)trust->file->version);
	return key;
}

static bool check_time(const json_t *claims, const struct node_trust *trust,
	struct node_sender *sender, struct error *err)
{
	int64_t skew_us = (int64_t)NODE_CLOCK_SKEW_S * SECOND_US;
	int64_t issued_s = json_get_i64(claims, "iat", -1);
	int64_t expires_s = json_get_i64(claims, "exp", -1);

	if (issued_s < 0 || issued_s > INT64_MAX / SECOND_US - NODE_TOKEN_LIFE_S ||
		expires_s < issued_s || expires_s > issued_s + NODE_TOKEN_LIFE_S)
		return refuse(err, "its times are wrong");
	sender->skew_us = issued_s * SECOND_US - trust->now_us;
	if (sender->skew_us > skew_us) {
		error_set(err, INVALID_AUTHORIZATION,
			"the clock of the node %.*s is %lld s ahead of this one's",
			SLICE_FMT(sender->name), (long long)(sender->skew_us / SECOND_US));
		return error_hint(err, "at most 30 s are tolerated: set both clocks by NTP");
	}
	if (trust->now_us > expires_s * SECOND_US + skew_us) {
		error_set(err, INVALID_AUTHORIZATION,
			"the token of the node %.*s expired %lld s ago", SLICE_FMT(sender->name),
			(long long)(trust->now_us / SECOND_US - expires_s));
		return error_hint(err, "is one of the two clocks wrong?");
	}
	return true;
}

static bool check_use(struct arena *arena, const json_t *claims,
	const struct node_request *expected, struct error *err)
{
	if (!slice_equal(json_get_slice(claims, "aud"), expected->to))
		return refuse(err, "it is for another node");
	if (!slice_equal(json_get_slice(claims, "htm"), expected->method) ||
		!slice_equal(json_get_slice(claims, "htu"), expected->path))
		return refuse(err, "it is for another request");
	if (!slice_equal(json_get_slice(claims, "digest"), digest(arena, expected->body)))
		return refuse(err, "the request's body is another one");
	return true;
}

bool node_token_check(struct arena *arena, const struct node_trust *trust, struct slice token,
	const struct node_request *expected, struct node_sender *sender_out, struct error *err)
{
	struct jws jws;

	*sender_out = (struct node_sender){0};
	if (token.len > TOKEN_MAX_BYTES || !jws_read(arena, token, TOKEN_TYPE, &jws))
		return refuse(err, "it cannot be read");
	scoped(json_drop) json_t *claims = json_parse(jws.payload, err);
	struct slice id = json_get_slice(claims, "jti");

	sender_out->name = arena_copy(arena, json_get_slice(claims, "iss"));
	if (slice_is_none(sender_out->name) || id.len == 0 || id.len > ID_MAX_BYTES)
		return refuse(err, "it does not say whose it is");
	const struct public_key *key = sender_key(trust, &jws, sender_out, err);

	if (!key)
		return false;
	if (!jws_verify(&jws, key))
		return refuse(err, "its signature does not hold");
	sender_out->proved = true;
	return check_time(claims, trust, sender_out, err) &&
	       check_use(arena, claims, expected, err) &&
	       take_id(trust->replays, sender_out->name, id, trust->now_us, err);
}
