#include <gnutls/gnutls.h>
#include <string.h>
#include <sys/socket.h>

#include "api/api-private.h"
#include "base/num.h"
#include "server/mesh.h"

/* Who asks: by the socket's peer on the control socket, by Authorization elsewhere. */

enum { CREDENTIALS_MAX = 1024 };

const struct scope_name scope_names[SCOPE_COUNT] = {
	{AUTH_QUERY, "query"},
	{AUTH_READ, "read"},
	{AUTH_APPLY, "apply"},
	{AUTH_RUN, "run"},
	{AUTH_ADMIN, "admin"},
	{AUTH_NODE, "node"},
};

static bool peer_uid(const struct request *request, uint32_t *out)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct ucred peer;
	socklen_t len = sizeof peer;

	if (!info || getsockopt(info->connect_fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
		return false;
	*out = peer.uid;
	return true;
}

static bool by_socket(struct request *request, struct error *err)
{
	struct slice as = request_header(request, "X-Weft-User");
	uint32_t uid = 0;

	if (!peer_uid(request, &uid))
		return error_set(err, INVALID_AUTHORIZATION,
			"the system does not say who is at the other end of the socket");
	if (!auth_local(request->server, uid, &request->identity, err))
		return false;
	if (slice_is_none(as))
		return true;
	scoped(auth_identity_free) struct auth_identity *caller = take(request->identity);

	return auth_as(request->server, caller, as, &request->identity, err);
}

/* RFC 7617: base64 of user:password, UTF-8. */
static bool by_basic(struct request *request, struct slice encoded, struct error *err)
{
	const gnutls_datum_t in = {(unsigned char *)(uintptr_t)encoded.ptr, (unsigned)encoded.len};
	gnutls_datum_t out = {0};

	if (encoded.len > CREDENTIALS_MAX || gnutls_base64_decode2(&in, &out) < 0)
		return error_set(err, INVALID_PASSWORD, "the Authorization header cannot be read");
	struct slice password = slice_of((char *)out.data, out.size);
	struct slice user = slice_split(&password, ':');
	bool ok = slice_is_none(password) || !slice_is_utf8(user)
			  ? error_set(err, INVALID_PASSWORD, "wrong user name or password")
			  : auth_password(request->server, user, password, request->peer,
				    &request->identity, err);

	explicit_bzero(out.data, out.size);
	gnutls_free(out.data);
	return ok;
}

static bool by_header(struct request *request, struct error *err)
{
	struct slice rest = request_header(request, "Authorization");

	if (slice_is_none(rest)) {
		error_set(err, INVALID_AUTHORIZATION, "sign in first");
		return error_hint(err, "send Authorization: Bearer TOKEN, or Basic with user and "
				       "password");
	}
	struct slice scheme = slice_split(&rest, ' ');

	rest = slice_trim(rest);
	if (slice_equal_nocase(scheme, SLICE("Bearer")) && rest.len <= CREDENTIALS_MAX)
		return auth_token(request->server, rest, request->peer, &request->identity, err);
	if (slice_equal_nocase(scheme, SLICE("Basic")))
		return by_basic(request, rest, err);
	return error_set(
		err, INVALID_AUTHORIZATION, "the Authorization header must be Bearer or Basic");
}

/* The path as it came: the token is bound to it. */
static bool by_node(struct request *request, struct error *err)
{
	struct slice rest = request_header(request, "Authorization");
	struct slice scheme = slice_split(&rest, ' ');
	const struct mesh_request ask = {
		.token = slice_equal_nocase(scheme, SLICE("Bearer")) ? slice_trim(rest) : SLICE(""),
		.method = request->method,
		.path = request->path,
		.body = str_slice(&request->body),
		.peer = request->peer};

	return mesh_authenticate(request->server, request->arena, &ask, &request->node, err);
}

/* Somebody else's rights are for administrators at the control socket only. */
static bool refuse_as(const struct request *request, struct error *err)
{
	if (request->control || slice_is_none(request_header(request, "X-Weft-User")))
		return true;
	return error_set(err, INSUFFICIENT_PRIVILEGE,
		"X-Weft-User (--as) works at the node's control socket only");
}

bool api_authenticate(struct request *request, struct error *err)
{
	struct slice purpose = request_header(request, "X-Weft-Purpose");

	if (request->route->scopes == 0 || request->authenticated)
		return true;
	if (!refuse_as(request, err))
		return false;
	if (request->route->scopes == AUTH_NODE)
		return by_node(request, err);
	if (!(request->control ? by_socket(request, err) : by_header(request, err)))
		return false;
	if (!auth_require(request->identity, request->route->scopes, err))
		return false;
	request->authenticated = true;
	if (slice_is_none(purpose))
		return true;
	return auth_set_purpose(request->server, request->identity, purpose, err);
}
