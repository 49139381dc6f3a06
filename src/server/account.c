/* Users and tokens, as JSON in and out. Every change takes effect on the next statement: the
 * principal is looked up for each. */
#include <sodium.h>
#include <string.h>

#include "base/clock.h"
#include "server/auth.h"
#include "server/server-private.h"
#include "store/accounts.h"

static const int64_t token_days_default = 90;

static void log_change(struct server *server, const struct auth_identity *caller, const char *what,
	struct slice name)
{
	struct log_context where = {.principal = caller->principal.name};
	log_say(server->log, ACCOUNT_CHANGED, &where, log_cstr("what", what),
		log_str("account", name));
}

static bool slices_of(struct arena *arena, const json_t *array, struct slice **out,
	size_t *count_out, struct error *err)
{
	size_t count = json_array_size(array);
	struct slice *items = arena_array_of(arena, struct slice, count);
	for (size_t i = 0; i < count; i++) {
		items[i] = json_to_slice(json_array_get(array, i));
		if (slice_is_none(items[i]))
			return error_set(err, INVALID_PARAMETER_VALUE,
				"groups and attribute values must be texts");
	}
	*out = items;
	*count_out = count;
	return true;
}

static bool check_name(struct slice name, struct error *err)
{
	bool ok = name.len > 0 && name.len <= 63;
	for (size_t i = 0; i < name.len && ok; i++) {
		char c = name.ptr[i];
		ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		     strchr("_-.@", c);
	}
	if (ok)
		return true;
	error_set(err, INVALID_NAME, "\"%.*s\" cannot be the name of an account", SLICE_FMT(name));
	return error_hint(err, "Use 1 to 63 letters, digits, '_', '-', '.' and '@'.");
}

static bool attributes_of(
	struct arena *arena, const json_t *array, struct account_row *out, struct error *err)
{
	size_t count = json_array_size(array);
	struct account_attribute *items = arena_array_of(arena, struct account_attribute, count);
	for (size_t i = 0; i < count; i++) {
		const json_t *a = json_array_get(array, i);
		struct slice type = json_get_slice(a, "type");
		items[i].name = json_get_slice(a, "name");
		items[i].type = type.len ? type : SLICE("string");
		if (!items[i].name.len)
			return error_set(err, INVALID_PARAMETER_VALUE, "an attribute has no name");
		if (!slices_of(arena, json_get_array(a, "values"), &items[i].values,
			    &items[i].value_count, err))
			return false;
	}
	out->attributes = items;
	out->attribute_count = count;
	return true;
}

static bool make_verifier(
	struct arena *arena, struct slice password, struct slice *out, struct error *err)
{
	struct scram_verifier verifier;
	if (!scram_verifier_make(password, SCRAM_ITERATIONS, &verifier, err))
		return false;
	*out = scram_verifier_print(arena, &verifier);
	return true;
}

bool account_put(struct server *server, const struct auth_identity *caller, const json_t *user,
	struct slice password, struct error *err)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	struct account_row row = {.name = json_get_slice(user, "name"),
		.admin = json_get_bool(user, "admin", false),
		.disabled = json_get_bool(user, "disabled", false)};
	if (!auth_require(caller, AUTH_ADMIN, err) || !check_name(row.name, err) ||
		!slices_of(scratch, json_get_array(user, "groups"), &row.groups, &row.group_count,
			err) ||
		!attributes_of(scratch, json_get_array(user, "attributes"), &row, err))
		return false;
	bool keep = slice_is_none(password);
	if (!keep && !make_verifier(scratch, password, &row.verifier, err))
		return false;
	if (!accounts_put(server->store, &row, keep ? ACCOUNT_KEEP_VERIFIER : 0, err))
		return false;
	log_change(server, caller, "put", row.name);
	return server_model_refresh(server, err);
}

static bool no_account(struct slice name, struct error *err)
{
	return error_set(err, UNDEFINED_OBJECT, "there is no account \"%.*s\"", SLICE_FMT(name));
}

bool account_remove(struct server *server, const struct auth_identity *caller, struct slice name,
	struct error *err)
{
	enum account_outcome outcome;
	if (!auth_require(caller, AUTH_ADMIN, err) ||
		!accounts_remove(server->store, name, &outcome, err))
		return false;
	if (outcome == ACCOUNT_ABSENT)
		return no_account(name, err);
	log_change(server, caller, "remove", name);
	return server_model_refresh(server, err);
}

static json_t *json_texts(const struct slice *items, size_t count)
{
	json_t *array = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, json_from_slice(items[i]));
	return array;
}

static json_t *account_json(const struct account_row *row)
{
	json_t *user = json_object();
	json_set_slice(user, "name", row->name);
	json_object_set_new(user, "admin", json_boolean(row->admin));
	json_object_set_new(user, "disabled", json_boolean(row->disabled));
	json_object_set_new(user, "has_password", json_boolean(row->verifier.len > 0));
	json_object_set_new(user, "groups", json_texts(row->groups, row->group_count));
	json_t *attributes = json_array();
	for (size_t i = 0; i < row->attribute_count; i++) {
		const struct account_attribute *a = &row->attributes[i];
		json_t *item = json_object();
		json_set_slice(item, "name", a->name);
		json_set_slice(item, "type", a->type);
		json_object_set_new(item, "values", json_texts(a->values, a->value_count));
		json_array_append_new(attributes, item);
	}
	json_object_set_new(user, "attributes", attributes);
	return user;
}

bool account_list(
	struct server *server, const struct auth_identity *caller, json_t **out, struct error *err)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	struct account_row *rows;
	size_t count;
	if (!auth_require(caller, AUTH_ADMIN, err) ||
		!accounts_list(server->store, scratch, &rows, &count, err))
		return false;
	*out = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(*out, account_json(&rows[i]));
	return true;
}

bool account_set_password(struct server *server, const struct auth_identity *caller,
	struct slice name, struct slice password, struct error *err)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	struct slice verifier;
	enum account_outcome outcome;
	if (!slice_equal(name, caller->principal.name) && !auth_require(caller, AUTH_ADMIN, err))
		return false;
	if (!make_verifier(scratch, password, &verifier, err) ||
		!accounts_set_verifier(server->store, name, verifier, &outcome, err))
		return false;
	if (outcome == ACCOUNT_ABSENT)
		return no_account(name, err);
	log_change(server, caller, "password", name);
	return true;
}

static json_t *scope_names(unsigned scopes)
{
	static const char *const names[] = {"query", "read", "apply", "run", "admin"};
	json_t *array = json_array();
	for (unsigned i = 0; i < array_len(names); i++)
		if (scopes & 1U << i)
			json_array_append_new(array, json_string(names[i]));
	return array;
}

static void set_time(json_t *object, const char *key, int64_t us)
{
	char text[CLOCK_TEXT_BYTES];
	if (us)
		clock_format(us, text);
	json_object_set_new(object, key, us ? json_string(text) : json_null());
}

static json_t *token_json(const struct token_row *row)
{
	json_t *token = json_object();
	json_set_slice(token, "id", row->id);
	json_set_slice(token, "user", row->user);
	json_set_slice(token, "label", row->label);
	json_object_set_new(token, "scopes", scope_names(row->scopes));
	set_time(token, "created", row->created_us);
	set_time(token, "expires", row->expires_us);
	set_time(token, "used", row->used_us);
	return token;
}

static bool may_manage(const struct auth_identity *caller, struct slice user, struct error *err)
{
	/* A token must not be able to make itself a wider or longer-lived one. */
	bool own = slice_equal(user, caller->principal.name) && slice_is_none(caller->token);
	return own || auth_require(caller, AUTH_ADMIN, err);
}

static bool find_user(struct server *server, struct slice user, bool *admin_out, struct error *err)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	struct account_row row;
	enum account_outcome outcome;
	if (!accounts_get(server->store, user, scratch, &row, &outcome, err))
		return false;
	if (outcome == ACCOUNT_ABSENT)
		return no_account(user, err);
	*admin_out = row.admin;
	return true;
}

static void random_text(char *out, size_t hex_chars)
{
	unsigned char bytes[64];
	randombytes_buf(bytes, hex_chars / 2);
	sodium_bin2hex(out, hex_chars + 1, bytes, hex_chars / 2);
}

bool token_make(struct server *server, const struct auth_identity *caller,
	const struct token_request *request, json_t **out, struct error *err)
{
	struct slice user = request->user;
	int64_t lifetime_s = request->lifetime_s;
	int64_t days = token_days_default;
	int64_t life_us = lifetime_s ? lifetime_s * 1000000 : days * 86400 * 1000000;
	const struct config *config = server->config;
	bool admin = false;
	if (!may_manage(caller, user, err) || !find_user(server, user, &admin, err))
		return false;
	if (lifetime_s < 0 || life_us / 1000 > config->token_max_ms)
		return error_set(err, INVALID_PARAMETER_VALUE,
			"a token may live for at most %lld days",
			(long long)(config->token_max_ms / 86400000));
	char id[13];
	char secret[5 + 64 + 1] = "weft_";
	char digest[TOKEN_DIGEST_BYTES];
	random_text(id, 12);
	random_text(secret + 5, 64);
	token_digest(slice_from_c(secret), digest);
	int64_t now = clock_wall_us(&clock_system);
	struct token_row row = {.id = slice_from_c(id),
		.digest = slice_from_c(digest),
		.user = user,
		.label = request->label,
		.scopes = admin ? request->scopes : request->scopes & ~(unsigned)AUTH_ADMIN,
		.created_us = now,
		.expires_us = now + life_us};
	if (!tokens_put(server->store, &row, err))
		return false;
	log_change(server, caller, "token", user);
	*out = token_json(&row);
	json_object_set_new(*out, "token", json_string(secret));
	sodium_memzero(secret, sizeof secret);
	return true;
}

bool token_list(struct server *server, const struct auth_identity *caller, struct slice user,
	json_t **out, struct error *err)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	struct token_row *rows;
	size_t count;
	bool own = slice_equal(user, caller->principal.name);
	if ((!own && !auth_require(caller, AUTH_ADMIN, err)) ||
		!tokens_list(server->store, user, scratch, &rows, &count, err))
		return false;
	*out = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(*out, token_json(&rows[i]));
	return true;
}

/* Whether the caller's own list has it; administrators may revoke any. */
static bool owns_token(struct server *server, const struct auth_identity *caller, struct slice id,
	bool *owns_out, struct error *err)
{
	scoped(arena_free) struct arena *scratch = arena_new();
	struct token_row *rows;
	size_t count;
	*owns_out = false;
	if (!tokens_list(server->store, caller->principal.name, scratch, &rows, &count, err))
		return false;
	for (size_t i = 0; i < count; i++)
		*owns_out |= slice_equal(rows[i].id, id);
	return true;
}

bool token_revoke(struct server *server, const struct auth_identity *caller, struct slice id,
	struct error *err)
{
	enum account_outcome outcome;
	bool owns;
	if (!owns_token(server, caller, id, &owns, err) ||
		(!owns && !auth_require(caller, AUTH_ADMIN, err)) ||
		!tokens_remove(server->store, id, &outcome, err))
		return false;
	if (outcome == ACCOUNT_ABSENT)
		return error_set(
			err, UNDEFINED_OBJECT, "there is no token \"%.*s\"", SLICE_FMT(id));
	log_change(server, caller, "token revoked", id);
	return true;
}
