#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/json.h"
#include "base/slice.h"
#include "pgwire/scram.h"
#include "policy/policy.h"

/*
 * Who is asking. Every door proves an identity here; what it may see is looked up anew for each
 * statement, by name, so that a change of groups or a revoked account needs no new session. All
 * calls: any thread.
 *
 * Damping: after 5 failures of a user or an address within a minute each further try waits
 * (doubling, to 8 s) and is answered like a wrong password (28P01).
 */
struct server;

enum auth_scope {
	AUTH_QUERY = 1 << 0, /* statements */
	AUTH_READ = 1 << 1,  /* catalogue, runs, plan */
	AUTH_APPLY = 1 << 2, /* apply, accounts of one's own domain */
	AUTH_RUN = 1 << 3,   /* start, cancel, retry runs */
	AUTH_ADMIN = 1 << 4, /* accounts, node; also needs principal.admin */
	AUTH_ALL = 31,
	AUTH_NODE = 1 << 5, /* another node of the mesh, by its own token (mesh.h); no principal */
};

/* A signed-in principal. Owns its memory; free with auth_identity_free. */
struct auth_identity {
	struct arena *arena;
	struct principal principal; /* as of sign-in; purpose is the session's */
	unsigned scopes;	    /* enum auth_scope */
	int64_t expires_us;	    /* wall clock, 0 = never (a token's end) */
	struct slice token;	    /* id of the token, none */
};

void auth_identity_free(struct auth_identity **identity);
/* SET weft.purpose, or a header. 22023 when the vocabulary does not know it; "" = none. */
bool auth_set_purpose(struct server *server, struct auth_identity *identity, struct slice purpose,
	struct error *err) must_check;

/*
 * SCRAM (PostgreSQL door). Step 1: the verifier of user; an unknown or disabled user or one without
 * a password gets a mock one and *doomed_out. Waits when damped. Step 2 with the outcome:
 * auth_scram_done gives the identity, or counts the failure and fails with 28P01. `peer` is the
 * address without the port.
 */
bool auth_scram_verifier(struct server *server, struct slice user, struct slice peer,
	struct scram_verifier *out, bool *doomed_out, struct error *err) must_check;
bool auth_scram_done(struct server *server, struct slice user, struct slice peer, bool proved,
	struct auth_identity **out, struct error *err) must_check;
/* A password in clear over TLS or a Unix socket (HTTP basic, PostgreSQL cleartext). 28P01. */
bool auth_password(struct server *server, struct slice user, struct slice password,
	struct slice peer, struct auth_identity **out, struct error *err) must_check;
/* Bearer token "weft_…". 28P01 for unknown, expired, revoked: all the same text. */
bool auth_token(struct server *server, struct slice token, struct slice peer,
	struct auth_identity **out, struct error *err) must_check;
/* The control socket: the user that owns the node's process is its administrator; 28000 for others.
 */
bool auth_local(struct server *server, uint32_t uid, struct auth_identity **out,
	struct error *err) must_check;
/* Another user's identity for an administrator (`weft --as`), with all scopes but AUTH_ADMIN,
 * audited as acting for the caller; 42501 for others, 42704 for an unknown or disabled user. */
bool auth_as(struct server *server, const struct auth_identity *caller, struct slice user,
	struct auth_identity **out, struct error *err) must_check;

/* 42501 naming the missing scope. */
bool auth_require(
	const struct auth_identity *identity, unsigned scopes, struct error *err) must_check;

/*
 * Accounts; the caller needs AUTH_ADMIN. JSON of a user: {"name","admin","disabled","groups":[…],
 * "attributes":[{"name","type","values":[…]}],"has_password"}. Passwords and token secrets are
 * never given out but in the answer that makes a token. All take effect on the next statement.
 */
bool account_put(struct server *server, const struct auth_identity *caller, const json_t *user,
	struct slice password, struct error *err) must_check; /* none = password stays */
bool account_remove(struct server *server, const struct auth_identity *caller, struct slice name,
	struct error *err) must_check;
bool account_list(struct server *server, const struct auth_identity *caller, json_t **out,
	struct error *err) must_check;
/* A user may change its own password. */
bool account_set_password(struct server *server, const struct auth_identity *caller,
	struct slice name, struct slice password, struct error *err) must_check;
struct token_request {
	struct slice user;
	struct slice label;
	unsigned scopes;    /* enum auth_scope */
	int64_t lifetime_s; /* 0 = 90 days; at most auth.token_lifetime_max */
};

/* {"id","token","user","scopes":[…],"expires":"…"}; the user itself or an administrator. */
bool token_make(struct server *server, const struct auth_identity *caller,
	const struct token_request *request, json_t **out, struct error *err) must_check;
bool token_list(struct server *server, const struct auth_identity *caller, struct slice user,
	json_t **out, struct error *err) must_check;
bool token_revoke(struct server *server, const struct auth_identity *caller, struct slice id,
	struct error *err) must_check;
