#pragma once

#include "store/store.h"

/* Users with their groups and typed attributes, and service tokens. Secrets are never stored: of a
 * password the SCRAM verifier (RFC 5803 text), of a token its BLAKE2b-256 digest. */
struct account_attribute {
	struct slice name;
	struct slice type; /* string, number, boolean, date */
	struct slice *values;
	size_t value_count;
};

struct account_row {
	struct slice name;
	struct slice verifier; /* "SCRAM-SHA-256$…"; none = no password */
	bool admin;
	bool disabled;
	struct slice *groups;
	size_t group_count;
	struct account_attribute *attributes;
	size_t attribute_count;
	int64_t created_us;
	int64_t changed_us;
};

enum account_outcome { ACCOUNT_FOUND, ACCOUNT_ABSENT };

/* Adds or replaces, all but created_us; with ACCOUNT_KEEP_VERIFIER the stored one stays. Bumps the
 * epoch. */
enum account_flags { ACCOUNT_KEEP_VERIFIER = 1 << 0 };
bool accounts_put(struct store *store, const struct account_row *account, unsigned flags,
	struct error *err) must_check;
/* Tokens of the user go with it. 55000 for the last administrator that is not disabled. */
bool accounts_remove(struct store *store, struct slice name, enum account_outcome *outcome_out,
	struct error *err) must_check;
bool accounts_get(struct store *store, struct slice name, struct arena *arena,
	struct account_row *out, enum account_outcome *outcome_out, struct error *err) must_check;
bool accounts_set_verifier(struct store *store, struct slice name, struct slice verifier,
	enum account_outcome *outcome_out, struct error *err) must_check;
/* Ordered by name. */
bool accounts_list(struct store *store, struct arena *arena, struct account_row **out,
	size_t *count_out, struct error *err) must_check;

struct token_row {
	struct slice id;     /* public: names the token in lists, logs, audit */
	struct slice digest; /* BLAKE2b-256 of the whole secret, 64 hex digits */
	struct slice user;
	struct slice label;
	unsigned scopes; /* enum auth_scope */
	int64_t created_us;
	int64_t expires_us; /* 0 = never */
	int64_t used_us;
	struct slice used_from; /* address; none */
};

/* Hex digest of a token's secret into text[65]. Pure. */
enum { TOKEN_DIGEST_BYTES = 65 };
void token_digest(struct slice secret, char *text);

bool tokens_put(struct store *store, const struct token_row *token, struct error *err) must_check;
/* By digest; expired ones are found too: the caller judges. */
bool tokens_get(struct store *store, struct slice digest, struct arena *arena,
	struct token_row *out, enum account_outcome *outcome_out, struct error *err) must_check;
/* Written at most once a minute per token. */
bool tokens_used(
	struct store *store, struct slice id, struct slice from, struct error *err) must_check;
bool tokens_remove(struct store *store, struct slice id, enum account_outcome *outcome_out,
	struct error *err) must_check;
/* user none = all. Newest first. */
bool tokens_list(struct store *store, struct slice user, struct arena *arena,
	struct token_row **out, size_t *count_out, struct error *err) must_check;
