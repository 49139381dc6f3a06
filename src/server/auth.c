/*
 * Proving who is asking, for every door. Secrets are compared in constant time; unknown users,
 * wrong passwords, disabled accounts and damped tries look the same from outside. Failures are
 * counted per user and per address in a small table that forgets the oldest (damping.c).
 */
#include "server/auth.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "catalog/model.h"
#include "server/damping.h"
#include "server/govern.h"
#include "server/server-private.h"
#include "store/accounts.h"
#include "store/store.h"

void auth_identity_free(struct auth_identity **identity)
{
	struct auth_identity *i = take(*identity);
	if (!i)
		return;
	struct arena *arena = i->arena;
	arena_free(&arena);
}

static struct auth_identity *identity_new(unsigned scopes)
{
	struct arena *arena = arena_new();
	struct auth_identity *identity = arena_new_of(arena, struct auth_identity);
	identity->arena = arena;
	identity->scopes = scopes;
	identity->token = SLICE_NONE;
	return identity;
}

/* The principal of that name as it is now. */
static bool load(struct server *server, const struct principal *claimed, unsigned scopes,
	struct auth_identity **out, struct error *err)
{
	struct auth_identity *identity = identity_new(scopes);
	const struct model *model = server_model(server);
	bool ok = govern_principal(
		server, model, identity->arena, claimed, &identity->principal, err);
	server_model_release(server, &model);
	if (!ok) {
		auth_identity_free(&identity);
		return false;
	}
	if (!identity->principal.admin)
		identity->scopes &= ~(unsigned)AUTH_ADMIN;
	*out = identity;
	return true;
}

bool auth_set_purpose(struct server *server, struct auth_identity *identity, struct slice purpose,
	struct error *err)
{
	const struct model *model = server_model(server);
	bool known = purpose.len == 0;
	for (size_t i = 0; i < model->term_count && !known; i++)
		known = model->terms[i].kind == MODEL_TERM_PURPOSE &&
			slice_equal(model->terms[i].name, purpose);
	server_model_release(server, &model);
	if (known) {
		identity->principal.purpose = arena_copy(identity->arena, purpose);
		return true;
	}
	error_set(err, INVALID_PARAMETER_VALUE, "the purpose \"%.*s\" is not in the vocabulary",
		SLICE_FMT(purpose));
	return error_hint(err, "governance/vocabulary.yaml of the mesh lists the purposes.");
}

static bool wrong(struct server *server, struct slice user, struct slice peer, const char *method,
	struct error *err)
{
	damping_failed(server->damping, user, peer);
	struct log_context where = {.principal = user};
	log_say(server->log, AUTH_FAILED, &where, log_str("from", peer),
		log_cstr("method", method));
	metrics_add(server->metrics, METRIC_AUTH_TOTAL, method, "failed", 1);
	return error_set(err, INVALID_PASSWORD, "password authentication failed for user \"%.*s\"",
		SLICE_FMT(user));
}

static void succeeded(
	struct server *server, struct slice user, struct slice peer, const char *method)
{
	damping_succeeded(server->damping, user, peer);
	struct log_context where = {.principal = user};
	log_say(server->log, AUTH_OK, &where, log_str("from", peer), log_cstr("method", method));
	metrics_add(server->metrics, METRIC_AUTH_TOTAL, method, "ok", 1);
}

/* Lets who failed often wait, outside of any lock. */
static void damp(struct server *server, struct slice user, struct slice peer)
{
	int64_t wait_ms = damping_wait_ms(server->damping, user, peer);
	if (wait_ms == 0)
		return;
	struct log_context where = {.principal = user};
	log_say(server->log, AUTH_DAMPED, &where, log_str("from", peer),
		log_int("wait_ms", wait_ms));
	usleep((useconds_t)(wait_ms * 1000));
}

static bool verifier_of(struct server *server, struct slice user, struct scram_verifier *out,
	bool *doomed_out, struct error *err)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	struct account_row account;
	enum account_outcome outcome;
	if (!accounts_get(server->store, user, scratch, &account, &outcome, err))
		return false;
	*doomed_out = outcome != ACCOUNT_FOUND || account.disabled || !account.verifier.len;
	if (!*doomed_out)
		return scram_verifier_parse(account.verifier, out, err);
	scram_verifier_mock(slice_from_c(server->pseudonym_key), user, SCRAM_ITERATIONS, out);
	return true;
}

bool auth_scram_verifier(struct server *server, struct slice user, struct slice peer,
	struct scram_verifier *out, bool *doomed_out, struct error *err)
{
	damp(server, user, peer);
	return verifier_of(server, user, out, doomed_out, err);
}

bool auth_scram_done(struct server *server, struct slice user, struct slice peer, bool proved,
	struct auth_identity **out, struct error *err)
{
	if (!proved)
		return wrong(server, user, peer, "scram", err);
	struct principal claimed = {.name = user};
	if (!load(server, &claimed, AUTH_ALL, out, err))
		return false;
	succeeded(server, user, peer, "scram");
	return true;
}

bool auth_password(struct server *server, struct slice user, struct slice password,
	struct slice peer, struct auth_identity **out, struct error *err)
{
	struct scram_verifier verifier;
	bool doomed;
	damp(server, user, peer);
	if (!verifier_of(server, user, &verifier, &doomed, err))
		return false;
	bool matches = scram_verifier_matches(&verifier, password);
	if (doomed || !matches)
		return wrong(server, user, peer, "password", err);
	struct principal claimed = {.name = user};
	if (!load(server, &claimed, AUTH_ALL, out, err))
		return false;
	succeeded(server, user, peer, "password");
	return true;
}

static bool bad_token(struct server *server, struct slice peer, struct error *err)
{
	struct error ignored;
	if (!wrong(server, SLICE(""), peer, "token", &ignored))
		error_set(err, INVALID_PASSWORD,
			"the token is not known, or it expired or was revoked");
	return error_hint(err, "Make a new one with: weft token create");
}

bool auth_token(struct server *server, struct slice token, struct slice peer,
	struct auth_identity **out, struct error *err)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	char digest[TOKEN_DIGEST_BYTES];
	struct token_row row;
	enum account_outcome outcome;
	damp(server, SLICE(""), peer);
	token_digest(token, digest);
	if (!tokens_get(server->store, slice_from_c(digest), scratch, &row, &outcome, err))
		return false;
	int64_t now = clock_wall_us(&clock_system);
	if (outcome != ACCOUNT_FOUND || (row.expires_us && row.expires_us <= now))
		return bad_token(server, peer, err);
	struct principal claimed = {.name = row.user};
	struct auth_identity *identity;
	if (!load(server, &claimed, row.scopes, &identity, err))
		return bad_token(server, peer, err);
	identity->expires_us = row.expires_us;
	identity->token = arena_copy(identity->arena, row.id);
	if (!tokens_used(server->store, row.id, peer, err)) {
		auth_identity_free(&identity);
		return false;
	}
	damping_succeeded(server->damping, SLICE(""), peer);
	metrics_add(server->metrics, METRIC_AUTH_TOTAL, "token", "ok", 1);
	*out = identity;
	return true;
}

bool auth_local(struct server *server, uint32_t uid, struct auth_identity **out, struct error *err)
{
	if (uid != geteuid()) {
		error_set(err, INVALID_AUTHORIZATION,
			"the control socket is for the user that runs the node");
		return error_hint(err, "Use the HTTPS address with a token.");
	}
	struct principal claimed = {.name = slice_from_c(server->local_admin), .admin = true};
	struct auth_identity *identity;
	if (!load(server, &claimed, AUTH_ALL, &identity, err))
		return false;
	identity->principal.admin = true;
	identity->scopes = AUTH_ALL;
	*out = identity;
	return true;
}

bool auth_as(struct server *server, const struct auth_identity *caller, struct slice user,
	struct auth_identity **out, struct error *err)
{
	struct principal claimed = {.name = user};
	struct log_context where = {.principal = caller->principal.name};
	if (!caller->principal.admin || !(caller->scopes & AUTH_ADMIN)) {
		error_set(
			err, INSUFFICIENT_PRIVILEGE, "only administrators may act as another user");
		return error_hint(err, "Leave --as (the header X-Weft-User) out.");
	}
	if (!load(server, &claimed, AUTH_ALL & ~(unsigned)AUTH_ADMIN, out, err))
		return false;
	log_say(server->log, AUTH_AS, &where, log_str("user", user));
	return true;
}

bool auth_require(const struct auth_identity *identity, unsigned scopes, struct error *err)
{
	static const struct {
		unsigned scope;
		const char *name;
	} names[] = {{AUTH_QUERY, "query"}, {AUTH_READ, "read"}, {AUTH_APPLY, "apply"},
		{AUTH_RUN, "run"}, {AUTH_ADMIN, "admin"}};
	unsigned missing = scopes & ~identity->scopes;
	for (size_t i = 0; i < array_len(names); i++) {
		if (!(missing & names[i].scope))
			continue;
		error_set(
			err, INSUFFICIENT_PRIVILEGE, "this needs the scope \"%s\"", names[i].name);
		return error_hint(err, names[i].scope == AUTH_ADMIN
					       ? "Only administrators of the node have it."
					       : "Use a token that was made with it.");
	}
	return true;
}
