#include "api/api-private.h"

/* Users, groups, tokens. Rights are checked by the account functions themselves. */

enum { MAX_LIFETIME_S = 366 * 86400 };

bool api_users(struct request *request, struct error *err)
{
	scoped(json_drop) json_t *users = NULL;

	return account_list(request->server, request->identity, &users, err) &&
	       reply_items(request, users);
}

/* Whether the user is there already. */
static bool user_exists(struct request *request, bool *out, struct error *err)
{
	scoped(json_drop) json_t *users = NULL;
	size_t i = 0;
	json_t *user = NULL;

	*out = false;
	if (!account_list(request->server, request->identity, &users, err))
		return false;
	json_array_foreach(users, i, user) *out =
		*out || slice_equal(json_get_slice(user, "name"), request->params[0]);
	return true;
}

static bool check_precondition(struct request *request, struct error *err)
{
	bool only_make = slice_equal(request_header(request, "If-None-Match"), SLICE("*"));
	bool only_change = slice_equal(request_header(request, "If-Match"), SLICE("*"));
	bool exists = false;

	if (!only_make && !only_change)
		return true;
	if (!user_exists(request, &exists, err))
		return false;
	if (exists && only_make) {
		error_set(err, DUPLICATE_OBJECT, "there is a user \"%.*s\" already",
			SLICE_FMT(request->params[0]));
		return error_hint(err, "weft user set changes it");
	}
	if (!exists && only_change)
		return error_set(err, UNDEFINED_OBJECT, "there is no user \"%.*s\"",
			SLICE_FMT(request->params[0]));
	return true;
}

bool api_user_put(struct request *request, struct error *err)
{
	static const char *const known[] = {"name", "admin", "disabled", "groups", "attributes",
		"password", "has_password", NULL};
	scoped(json_drop) json_t *user = NULL;

	if (!request_json(request, known, &user, err) || !check_precondition(request, err))
		return false;
	struct slice password = json_get_slice(user, "password");

	json_set_slice(user, "name", request->params[0]);
	if (!account_put(request->server, request->identity, user, password, err))
		return false;
	return reply_empty(request, MHD_HTTP_NO_CONTENT);
}

bool api_user_delete(struct request *request, struct error *err)
{
	return account_remove(request->server, request->identity, request->params[0], err) &&
	       reply_empty(request, MHD_HTTP_NO_CONTENT);
}

bool api_user_password(struct request *request, struct error *err)
{
	static const char *const known[] = {"password", NULL};
	scoped(json_drop) json_t *body = NULL;

	if (!request_json(request, known, &body, err))
		return false;
	struct slice password = json_get_slice(body, "password");

	if (password.len == 0)
		return error_set(err, INVALID_PARAMETER_VALUE, "the password is empty");
	if (!slice_is_none(request->identity->token) &&
		!auth_require(request->identity, AUTH_ADMIN, err))
		return error_hint(err, "a token cannot change its user's password; sign in with "
				       "the password itself");
	return account_set_password(
		       request->server, request->identity, request->params[0], password, err) &&
	       reply_empty(request, MHD_HTTP_NO_CONTENT);
}

static json_t *group_of(json_t *groups, const json_t *name)
{
	size_t i = 0;
	json_t *group = NULL;

	json_array_foreach(
		groups, i, group) if (json_equal(json_object_get(group, "name"),
					      name)) return json_object_get(group, "members");
	group = json_object();
	json_object_set(group, "name", (json_t *)(uintptr_t)name);
	json_object_set_new(group, "members", json_array());
	json_array_append_new(groups, group);
	return json_object_get(group, "members");
}

bool api_groups(struct request *request, struct error *err)
{
	scoped(json_drop) json_t *users = NULL;
	scoped(json_drop) json_t *groups = json_array();
	size_t u = 0;
	json_t *user = NULL;

	if (!account_list(request->server, request->identity, &users, err))
		return false;
	json_array_foreach(users, u, user)
	{
		size_t g = 0;
		json_t *name = NULL;

		json_array_foreach(json_get_array(user, "groups"), g, name)
			json_array_append(group_of(groups, name), json_object_get(user, "name"));
	}
	return reply_items(request, groups);
}

bool api_tokens(struct request *request, struct error *err)
{
	scoped(json_drop) json_t *tokens = NULL;

	return token_list(request->server, request->identity, request_query(request, "user"),
		       &tokens, err) &&
	       reply_items(request, tokens);
}

static bool parse_scope(struct slice name, unsigned *scopes)
{
	for (size_t i = 0; i < SCOPE_COUNT; i++)
		if (slice_equal_c(name, scope_names[i].name)) {
			*scopes |= scope_names[i].scope;
			return true;
		}
	return false;
}

static bool read_scopes(const json_t *list, unsigned *out, struct error *err)
{
	size_t i = 0;
	json_t *item = NULL;

	*out = list ? 0 : AUTH_QUERY | AUTH_READ;
	json_array_foreach(list, i, item)
	{
		if (parse_scope(json_to_slice(item), out))
			continue;
		error_set(err, INVALID_PARAMETER_VALUE, "there is no scope \"%.*s\"",
			SLICE_FMT(json_to_slice(item)));
		return error_hint(err, "scopes are query, read, apply, run, admin");
	}
	return true;
}

bool api_token_create(struct request *request, struct error *err)
{
	static const char *const known[] = {"user", "label", "scopes", "lifetime_s", NULL};
	scoped(json_drop) json_t *body = NULL;
	scoped(json_drop) json_t *token = NULL;
	unsigned scopes = 0;

	if (!request_json(request, known, &body, err) ||
		!read_scopes(json_get_array(body, "scopes"), &scopes, err))
		return false;
	struct slice user = json_get_slice(body, "user");
	int64_t lifetime_s = json_get_i64(body, "lifetime_s", 0);

	if (lifetime_s < 0 || lifetime_s > MAX_LIFETIME_S)
		return error_set(err, INVALID_PARAMETER_VALUE,
			"lifetime_s must be from 1 to %d seconds", MAX_LIFETIME_S);
	/* Nobody hands on more than they hold. */
	if (!auth_require(request->identity, scopes, err))
		return error_wrap(err, "a token cannot hold more than its maker");
	if (slice_is_none(user))
		user = request->identity->principal.name;
	const struct token_request make = {.user = user,
		.label = json_get_slice(body, "label"),
		.scopes = scopes,
		.lifetime_s = lifetime_s};

	if (!token_make(request->server, request->identity, &make, &token, err))
		return false;
	return reply_json(request, MHD_HTTP_CREATED, token);
}

bool api_token_delete(struct request *request, struct error *err)
{
	return token_revoke(request->server, request->identity, request->params[0], err) &&
	       reply_empty(request, MHD_HTTP_NO_CONTENT);
}
